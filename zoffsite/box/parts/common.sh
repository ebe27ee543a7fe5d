# shellcheck shell=sh
# What both `install` scripts share: every change is said, made once, and not made at all with --dry-run.
# Expects: here (the kit's folder), kit.conf read.

: "${here:?}" "${NAME:?}"
state=/var/lib/zoffsite/kit
release=/etc/os-release
dry=no
changes=0

say() { printf '%s\n' "$*"; }
die() { printf 'install: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# do_it WORDS… : say and run a command that changes something.
do_it() {
    changes=$((changes + 1))
    printf '  run     %s\n' "$*"
    [ "$dry" = yes ] || "$@"
}

need_root() {
    [ "$(id -u)" -eq 0 ] || die "this changes the system: run it as root (sudo $0)"
    PATH=$PATH:/usr/sbin:/sbin
    export PATH LC_ALL=C
    [ -d /run/systemd/system ] || die "this machine does not run systemd"
}

# put MODE OWNER FROM TO : TO becomes a copy of FROM, whole at any moment. True when something changed. It dies by itself
# where that fails: its callers ask whether something changed, and there a failure would count as "no".
put() {
    if [ -f "$4" ] && [ ! -L "$4" ] && cmp -s "$3" "$4" && [ "$(stat -c '%04a %U:%G' "$4")" = "$1 $2" ]; then
        return 1
    fi
    changes=$((changes + 1))
    printf '  write   %s (%s %s)\n' "$4" "$1" "$2"
    [ "$dry" = yes ] && return 0
    install -D -m "$1" -o "${2%:*}" -g "${2#*:}" "$3" "$4.zoffsite-new" || die "cannot write $4.zoffsite-new"
    mv -f "$4.zoffsite-new" "$4" || die "cannot write $4"
}

# drop PATH… : remove files that are there, and folders of ours that are empty then.
drop() {
    for gone in "$@"; do
        [ -e "$gone" ] || [ -L "$gone" ] || continue
        do_it rm -f "$gone"
        rest=$(dirname "$gone")
        while case $rest in */zoffsite | */zoffsite/* | */*.service.d) true ;; *) false ;; esac do
            [ "$dry" = yes ] && break
            rmdir "$rest" 2>/dev/null || break
            rest=$(dirname "$rest")
        done
    done
}

# put_files : the kit's files as `manifest` has them; what an older kit had put there and this one lacks goes.
# changed_files is then a list of the paths that changed.
put_files() {
    changed_files=
    while read -r mode owner path; do
        [ -n "$path" ] || continue
        if put "$mode" "$owner" "$here/files$path" "$path"; then changed_files="$changed_files $path"; fi
    done <"$here/manifest"
    if [ -f "$state/manifest-$NAME" ]; then
        while read -r mode owner path; do
            grep -qxF "$mode $owner $path" "$here/manifest" || grep -q " $path\$" "$here/manifest" || drop "$path"
        done <"$state/manifest-$NAME"
    fi
    if [ "$dry" = no ]; then
        mkdir -p "$state"
        cp "$here/manifest" "$state/manifest-$NAME"
    fi
}

drop_files() {
    [ -f "$state/manifest-$NAME" ] || return 0
    while read -r _ _ path; do drop "$path"; done <"$state/manifest-$NAME"
}

# changed PATTERN : whether a file that put_files changed matches.
changed() {
    for each in $changed_files; do
        # shellcheck disable=SC2254  # a pattern is what is meant
        case $each in $1) return 0 ;; esac
    done
    return 1
}

# remember WHAT WORD : note for --remove that we did it. remembered WHAT : the words.
remember() {
    [ "$dry" = yes ] && return 0
    mkdir -p "$state"
    grep -qxF "$2" "$state/$1-$NAME" 2>/dev/null || printf '%s\n' "$2" >>"$state/$1-$NAME"
}
remembered() { cat "$state/$1-$NAME" 2>/dev/null || true; }

# need_packages DEBIAN… -- ARCH… : installs what is missing of the programs in $NEEDED.
need_packages() {
    missing=
    for program in $NEEDED; do have "$program" || missing="$missing $program"; done
    [ -n "$missing" ] || return 0
    say "missing here:$missing"
    like=" $(sed -n -e 's/^ID=//p' -e 's/^ID_LIKE=//p' "$release" | tr -d '"' | tr '\n' ' ')"
    debian='' arch='' side=debian
    for word in "$@"; do
        case $word in --) side=arch ;; *) eval "$side=\"\$$side $word\"" ;; esac
    done
    # shellcheck disable=SC2086  # each word is a package
    case $like in
        *" debian "*) do_it env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $debian ;;
        *" arch "*) do_it pacman -S --needed --noconfirm $arch ;;
        *) die "install what provides:$missing" ;;
    esac
    [ "$dry" = yes ] && return 0
    for program in $NEEDED; do have "$program" || die "there is still no $program: install it, then run this again"; done
}

# can_check PROGRAM WHAT : whether it can be checked now. A dry run has not installed what it said it would.
can_check() {
    if [ "$dry" = no ] || have "$1"; then return 0; fi
    say "$2: checked when $1 is there"
    return 1
}

# units_on UNIT… : enabled and started, without saying so where they are; in one call each, for each makes systemd
# read all units again.
units_on() {
    disabled='' stopped=''
    for each in "$@"; do
        systemctl is-enabled --quiet "$each" 2>/dev/null || disabled="$disabled $each"
        systemctl is-active --quiet "$each" || stopped="$stopped $each"
    done
    # shellcheck disable=SC2086  # each word is a unit
    [ -z "$disabled" ] || do_it systemctl enable --quiet $disabled
    # shellcheck disable=SC2086
    [ -z "$stopped" ] || do_it systemctl start $stopped
}

# units_off UNIT… : stopped in this order, and disabled.
units_off() {
    enabled=''
    for each in "$@"; do
        [ -e "/etc/systemd/system/$each" ] || continue
        if systemctl is-active --quiet "$each"; then do_it systemctl stop "$each"; fi
        if systemctl is-enabled --quiet "$each" 2>/dev/null; then enabled="$enabled $each"; fi
    done
    # shellcheck disable=SC2086  # each word is a unit
    [ -z "$enabled" ] || do_it systemctl disable --quiet $enabled
}

# put_key MODE FROM TO : `put` of a key, where there is one to put; noted for `changed`.
put_key() {
    [ -s "$2" ] || return 0
    if put "$1" root:root "$2" "$3"; then changed_files="$changed_files $3"; fi
}

# make_key FILE : a private WireGuard key of this machine, made here and never leaving it.
make_key() {
    [ -s "$1" ] && return 0
    changes=$((changes + 1))
    changed_files="$changed_files $1"
    printf '  make    %s\n' "$1"
    [ "$dry" = yes ] && return 0
    mkdir -p "$(dirname "$1")"
    (umask 077 && wg genkey >"$1.zoffsite-new" && mv "$1.zoffsite-new" "$1")
}

# The unit of the SSH server: ssh on Debian, sshd elsewhere.
ssh_unit() { systemctl cat ssh.service >/dev/null 2>&1 && echo ssh.service || echo sshd.service; }

# on_disk : what was written outlasts a power cut, before anything is started that relies on it.
on_disk() { [ "$dry" = yes ] || [ "$changes" -eq 0 ] || sync; }

finish() {
    if [ "$changes" -eq 0 ]; then say "nothing to change"
    elif [ "$dry" = yes ]; then say "$changes changes; none was made (--dry-run)"
    else say "$changes changes made"; fi
}
