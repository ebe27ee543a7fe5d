#!/bin/sh
# Opens the system disk of a box that waits in its initrd.  usage: unlock-NAME take | look | now | off
#   take  read the line that `network-unlock enrol` printed on the box, and open its disk from now on
#   look  if the box waits where it was last, open its disk; the timer calls it
#   now   open it wherever it waits, and take that place for right
#   off   forget the key: the box is stolen, or needs nobody any more
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH LC_ALL=C
conf=/etc/zoffsite/${0##*/}
# shellcheck source=/dev/null
. "$conf/unlock.conf" # NAME INTERFACE ADDRESS SSH_PORT PORT TIMER
place=/var/lib/zoffsite/${0##*/}.place
seen=/run/zoffsite-${0##*/}

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# reach PORT WORDS… : ssh with a pinned host key. One file of host keys for each port: nothing else is known.
reach() {
    at=$1
    shift
    ssh -F none -o BatchMode=yes -o ConnectTimeout=10 -o StrictHostKeyChecking=yes -o UpdateHostKeys=no \
        -o HostKeyAlgorithms=ssh-ed25519 -o UserKnownHostsFile="$conf/known_hosts" -o GlobalKnownHostsFile=/dev/null \
        -o ServerAliveInterval=10 -o ServerAliveCountMax=3 -p "$at" "$@"
}

# Where it dials in from, with the port, which is another each time that it starts; nothing, where it does not dial in.
dials() {
    last=$(wg show "$INTERFACE" latest-handshakes 2>/dev/null | awk '{print $2; exit}')
    if [ "${last:-0}" -eq 0 ] || [ $(($(date +%s) - last)) -gt 180 ]; then return 0; fi
    wg show "$INTERFACE" endpoints | awk '{print $2; exit}'
}

# The place: an address of IPv4; of IPv6 the network, for the rest changes by itself.
place_of() {
    case $1 in
        \[*) printf '%s\n' "${1#[}" | cut -d: -f1-4 ;;
        *) printf '%s\n' "${1%:*}" ;;
    esac
}

# Its own sshd answers, with the host key that lies on the encrypted disk: it has started.
started() {
    reach "$SSH_PORT" -o PreferredAuthentications=none "root@$ADDRESS" true 2>&1 | grep -q 'Permission denied'
}

note() {
    mkdir -p "${place%/*}"
    [ "$(cat "$place" 2>/dev/null)" = "$1" ] || printf '%s\n' "$1" >"$place"
}

unlock() {
    if said=$(reach "$PORT" -i "$conf/key" -o IdentitiesOnly=yes "root@$ADDRESS" cryptroot-unlock <"$conf/passphrase" 2>&1); then
        say "opened the disk of $NAME, which dials in from $1"
        return 0
    fi
    case $said in
        *'set up successfully'*) say "opened the disk of $NAME, which dials in from $1" ;;
        *REMOTE\ HOST\ IDENTIFICATION* | *verification\ failed*) die "what answers as the initrd of $NAME has another host key" ;;
        *Permission\ denied*) die "the initrd of $NAME does not take this source's key; next, on the box: network-unlock enrol" ;;
        *bad\ password* | *tries\ exceeded*) die "the disk of $NAME does not open with this key; next, on the box: network-unlock enrol" ;;
        *) return 1 ;;
    esac
}

look() {
    from=$(dials)
    if [ -z "$from" ] || [ "$from" = "$(cat "$seen" 2>/dev/null)" ]; then return 0; fi
    here=$(place_of "$from")
    if started; then
        note "$here"
        printf '%s\n' "$from" >"$seen"
    elif [ "$here" = "$(cat "$place" 2>/dev/null)" ]; then
        unlock "$here" || return 0
    else
        die "$NAME waits at $here, where it was not before, and stays locked; if it may be there: $0 now"
    fi
}

now() {
    [ -s "$conf/passphrase" ] || die "there is no key for $NAME; next, on the box: network-unlock enrol"
    from=$(dials)
    [ -n "$from" ] || die "$NAME does not dial in"
    here=$(place_of "$from")
    unlock "$here" || die "$NAME does not wait for its disk: nothing answers at $ADDRESS, port $PORT"
    note "$here"
}

take() {
    printf 'The line from the box: ' >&2
    read -r line
    text=${line%:*}
    [ "${line##*:}" = "$(printf %s "$text" | sha256sum | cut -c1-8)" ] || die "a character is missing or wrong in it"
    case $text in zoffsite-unlock1:*:*:*) ;; *) die "this is not the line of network-unlock enrol" ;; esac
    rest=${text#*:} initrd=${rest%%:*}
    rest=${rest#*:} host=${rest%%:*}
    umask 077
    printf '[%s]:%s ssh-ed25519 %s\n' "$ADDRESS" "$PORT" "$initrd" >"$conf/known_hosts"
    case $SSH_PORT in 22) entry=$ADDRESS ;; *) entry="[$ADDRESS]:$SSH_PORT" ;; esac
    printf '%s ssh-ed25519 %s\n' "$entry" "$host" >>"$conf/known_hosts"
    printf %s "${rest#*:}" >"$conf/passphrase"
    sync
    rm -f "$seen"
    systemctl enable --quiet --now "$TIMER"
    say "the disk of $NAME is opened from now on, where the box was last; to end that: $0 off"
}

off() {
    systemctl disable --quiet --now "$TIMER"
    rm -f "$conf/passphrase" "$conf/known_hosts" "$place" "$seen"
    say "the key of $NAME's disk is forgotten"
}

[ "$(id -u)" -eq 0 ] || die "run it as root"
case ${1:-} in
    take | look | now | off) "$1" ;;
    *) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
