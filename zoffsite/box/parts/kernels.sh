#!/bin/sh
# What this machine may start: one signed file for each kernel (kernel, initrd and command line in it: a UKI).
# usage: kernels update | check
#   update  sign the ZFS modules, make and sign what is new, remove what is gone; hooks of the package manager call it
#   check   whether what starts next is signed and will have its pool
# A kernel without a ZFS module is not made startable: the one before stays, and the exit code is 1.
set -eu
# shellcheck source=boot-chain.sh
. "${0%/*}/boot-chain"

state=/var/lib/zoffsite/boot
efi=/usr/lib/systemd/boot/efi
stub=$efi/linuxx64.efi.stub
loader=$efi/systemd-bootx64.efi
bad=0

problem() { bad=1; warn "$*"; }
first() { for candidate in "$@"; do [ -e "$candidate" ] && { printf '%s\n' "$candidate"; return 0; }; done; return 1; }
kernel_of() { first "/boot/vmlinuz-$1" "/lib/modules/$1/vmlinuz"; }
initrd_of() {
    first "/boot/initrd.img-$1" "/boot/initramfs-$1.img" \
        "/boot/initramfs-$(cat "/lib/modules/$1/pkgbase" 2>/dev/null || echo none).img"
}

# Every installed kernel, the oldest first.
versions() {
    for folder in /lib/modules/*/; do
        each=${folder%/}
        each=${each##*/}
        if kernel_of "$each" >/dev/null; then printf '%s\n' "$each"; fi
    done | sort -V
}

# The files of one kernel on the ESP, the newest first; `+3` in a name counts the tries that are left.
made() {
    for each in "$esp/EFI/Linux/zoffsite-$1-"[0-9]*.efi; do
        rest=${each#"$esp/EFI/Linux/zoffsite-$1-"}
        case ${rest%.efi} in *[!0-9+-]*) continue ;; esac
        [ ! -e "$each" ] || printf '%s %s\n' "${rest%%[+.]*}" "$each"
    done | sort -rn | cut -d' ' -f2-
}

ours() { sbverify --cert "$boot/db.crt" "$1" >/dev/null 2>&1; }

# Where the firmware enforces Secure Boot, a kernel that is locked down loads no module without a signature it knows.
serial=''
module_is_ours() {
    [ -n "$serial" ] || serial=$(openssl x509 -in "$boot/db.crt" -noout -serial | cut -d= -f2)
    [ "$(modinfo -F sig_key "$1" | tr -d :)" = "$serial" ]
}

sign_module() {
    sign=/lib/modules/$1/build/scripts/sign-file
    [ -x "$sign" ] || { problem "no $sign: install the headers of this kernel"; return 1; }
    case $2 in
        *.xz) unpack='xz -dc' pack='xz -c --check=crc32 --lzma2=dict=1MiB' ;;
        *.zst) unpack='zstd -qdc' pack='zstd -qc' ;;
        *.gz) unpack='gzip -dc' pack='gzip -nc' ;;
        *) unpack=cat pack=cat ;;
    esac
    fresh=$2.zoffsite-new
    if $unpack "$2" >"$scratch/module" &&
        "$sign" sha256 "$boot/db.key" "$boot/db.crt" "$scratch/module" &&
        $pack "$scratch/module" >"$fresh" && sync "$fresh" && mv -f "$fresh" "$2"; then
        say "signed $2"
    else
        rm -f "$fresh"
        problem "$2 could not be signed"
        return 1
    fi
}

# modules VERSION sign|look : whether this kernel has OpenZFS; its modules are signed, or looked at.
modules() {
    zfs=$(modinfo -k "$1" -n zfs 2>/dev/null) || { problem "kernel $1 has no ZFS module"; return 1; }
    # The distribution's own are signed by a key that its kernel knows.
    case $zfs in *builtin* | */kernel/*) return 0 ;; esac
    for module in "${zfs%/*}"/*.ko "${zfs%/*}"/*.ko.??*; do
        case $module in *\** | *.zoffsite-new) continue ;; esac
        module_is_ours "$module" && continue
        if [ "$2" = sign ]; then sign_module "$1" "$module" || return 1
        else problem "$module is not signed"; return 1; fi
    done
}

# The parameters are in what is signed: nobody can add `init=/bin/sh`. No shell, no waiting in a broken initrd.
command_line() {
    disk=$(system_disk)
    [ -n "$disk" ] || die "the system is not on an encrypted disk (LUKS): install it on one"
    root=$(findmnt -nvo SOURCE /) uuid=$(lsblk -dno UUID "$disk") inside=$(findmnt -no FSROOT /)
    printf 'rd.luks.name=%s=%s rd.luks.options=%s=tpm2-device=auto root=%s ro' "$uuid" "$(system_name)" "$uuid" "$root"
    [ "$inside" = / ] || printf ' rootflags=subvol=%s' "$inside"
    printf ' rd.shell=0 rd.emergency=reboot panic=30'
    [ ! -s /etc/zoffsite/cmdline ] || printf ' %s' "$(tr -s '\n' ' ' </etc/zoffsite/cmdline)"
}

# section NAME FILE : adds it behind the others, as systemd-measure(1) shows it for systemd 252.
section() {
    set -- "$1" "$2" "$(printf '0x%x' "$next")"
    sections="$sections --add-section $1=$2 --change-section-vma $1=$3"
    next=$(((next + $(stat -Lc %s "$2") + align - 1) / align * align))
}

# by_hand KERNEL INITRD TO : what ukify does, where there is none (Debian 12).
by_hand() {
    align=$((0x$(objdump -p "$stub" | awk '$1 == "SectionAlignment" {print $2}')))
    end=$(($(objdump -h "$stub" | awk '$1 ~ /^[0-9]+$/ {print "0x" $3 " + 0x" $4}' | tail -n 1)))
    next=$(((end + align - 1) / align * align))
    sections=''
    section .osrel /etc/os-release
    section .cmdline "$scratch/cmdline"
    if [ -e /dev/tpmrm0 ]; then
        /usr/lib/systemd/systemd-measure sign --linux="$1" --initrd="$2" --cmdline="$scratch/cmdline" \
            --osrel=/etc/os-release --pcrpkey="$boot/pcr.pub" --private-key="$boot/pcr.key" \
            --public-key="$boot/pcr.pub" --bank=sha256 --phase=enter-initrd >"$scratch/pcrsig" || return 1
        section .pcrpkey "$boot/pcr.pub"
        section .pcrsig "$scratch/pcrsig"
    fi
    section .initrd "$2"
    # Last: the kernel unpacks itself over what is behind it.
    section .linux "$1"
    # shellcheck disable=SC2086  # words, none of which has a blank
    objcopy $sections "$stub" "$scratch/unsigned.efi" &&
        sbsign --key "$boot/db.key" --cert "$boot/db.crt" --output "$3" "$scratch/unsigned.efi" 2>/dev/null
}

# unify KERNEL INITRD TO : one signed file. What is signed for the TPM is the initrd's phase of the start, no other: so
# it gives the disk's key to the initrd, and not to a system that somebody put behind it. (Signing needs a TPM.)
unify() {
    if ! command -v ukify >/dev/null 2>&1; then by_hand "$@"; return; fi
    set -- --linux="$1" --initrd="$2" --output="$3"
    [ ! -e /dev/tpmrm0 ] || set -- "$@" --pcrpkey="$boot/pcr.pub" --pcr-private-key="$boot/pcr.key" \
        --pcr-public-key="$boot/pcr.pub" --phases=enter-initrd --pcr-banks=sha256
    ukify build "$@" --cmdline=@"$scratch/cmdline" --os-release=@/etc/os-release --stub="$stub" \
        --secureboot-private-key="$boot/db.key" --secureboot-certificate="$boot/db.crt" >/dev/null
}

# on_esp FILE TO : whole at any moment.
on_esp() {
    mkdir -p "${2%/*}"
    if cp "$1" "$2.new" && sync "$2.new" && mv -f "$2.new" "$2"; then return 0; fi
    rm -f "$2.new"
    die "$2 cannot be written: is the EFI system partition full?"
}

make_one() {
    kernel=$(kernel_of "$1")
    initrd=$(initrd_of "$1") || { problem "kernel $1 has no initrd"; return 1; }
    inputs=$(cat "$kernel" "$initrd" "$scratch/cmdline" /etc/os-release "$stub" "$boot/db.crt" "$boot/pcr.pub" | sha256sum)
    [ "$(cat "$state/$1" 2>/dev/null)" != "$inputs" ] || [ -z "$(made "$1")" ] || return 0
    unify "$kernel" "$initrd" "$scratch/signed.efi" || { problem "kernel $1 could not be made startable"; return 1; }
    ours "$scratch/signed.efi" || die "what was signed does not verify"
    count=$(($(cat "$state/count" 2>/dev/null || echo 0) + 1))
    printf '%s\n' "$count" >"$state/count"
    # Three tries: what never comes up gives way to what did before.
    on_esp "$scratch/signed.efi" "$esp/EFI/Linux/zoffsite-$1-$count+3.efi"
    printf '%s\n' "$inputs" >"$state/$1"
    say "made zoffsite-$1-$count"
}

# Of each kernel the newest file stays, and the newest that has come up before.
prune() {
    newest=yes proved=no
    made "$1" | while read -r file; do
        keep=$newest newest=no
        case $file in *+*) ;; *) [ "$proved" = yes ] || keep=yes; proved=yes ;; esac
        [ "$keep" = yes ] || rm -f "$file"
    done
}

# forget VERSION… : the files of all kernels but these.
forget() {
    for file in "$esp"/EFI/Linux/zoffsite-*.efi; do
        for each in "$@"; do case ${file##*/} in "zoffsite-$each-"[0-9]*) continue 2 ;; esac; done
        rm -f "$file"
    done
}

# systemd-boot, signed: where bootctl takes it from at each of its own updates, and on the ESP.
put_loader() {
    if [ "$loader" -nt "$loader.signed" ] || ! ours "$loader.signed"; then
        sbsign --key "$boot/db.key" --cert "$boot/db.crt" --output "$loader.signed" "$loader" 2>/dev/null
    fi
    bootctl is-installed --quiet 2>/dev/null || bootctl install --quiet
    for file in "$esp/EFI/systemd/systemd-bootx64.efi" "$esp/EFI/BOOT/BOOTX64.EFI"; do
        cmp -s "$loader.signed" "$file" || on_esp "$loader.signed" "$file"
    done
    printf 'timeout 0\neditor no\ndefault zoffsite-*\n' >"$scratch/loader.conf"
    cmp -s "$scratch/loader.conf" "$esp/loader/loader.conf" || on_esp "$scratch/loader.conf" "$esp/loader/loader.conf"
}

update() {
    mkdir -p "$state"
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    command_line >"$scratch/cmdline"
    put_loader
    good=''
    for version in $(versions); do
        bad=0
        if modules "$version" sign && make_one "$version"; then
            good="$good $version"
            prune "$version"
        fi
    done
    [ -n "$good" ] || die "no kernel here is fit to start: do not reboot"
    # shellcheck disable=SC2086  # each word is a version
    forget $good
    sync
    # shellcheck disable=SC2086
    [ "$bad" -eq 0 ] || warn "the newest kernel is not made startable; the next start is with $(printf '%s\n' $good | tail -n 1)"
    return "$bad"
}

check() {
    for file in "$esp/EFI/BOOT/BOOTX64.EFI" "$esp"/EFI/Linux/zoffsite-*.efi; do
        ours "$file" || problem "$file is not signed by your key"
    done
    next=''
    for version in $(versions); do [ -z "$(made "$version")" ] || next=$version; done
    [ -n "$next" ] || die "no kernel is made startable; next: $0 update"
    modules "$next" look || true
    [ "$bad" -ne 0 ] || say "starts next: kernel $next, signed, with ZFS"
    return "$bad"
}

case ${1:-} in update | check) ;; *) usage ;; esac
need sbsign sbverify bootctl objcopy openssl lsblk findmnt modinfo
have_keys
esp=$(bootctl --print-esp-path) || die "no EFI system partition is mounted on /efi, /boot or /boot/efi"
"$1"
