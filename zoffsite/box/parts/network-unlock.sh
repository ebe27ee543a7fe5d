#!/bin/sh
# A box without a TPM 2.0: the source opens the system disk, through the tunnel.  usage: network-unlock enrol | off
#   enrol  a key for the disk, which the source is to keep; tunnel and a small sshd into the initrd. Again: a new key
#   off    the key and the initrd's part go
# Both ask for a passphrase that opens the disk ($PASSWORD, where nobody can type). Debian's initramfs-tools only.
set -eu
# shellcheck source=boot-chain.sh
. "${0%/*}/boot-chain"

unlock=/etc/zoffsite/unlock
dropbear=/etc/dropbear/initramfs
slot=21 # of 32: none that an installer takes

# It opens the disk, and is typed once more by nobody.
passphrase() {
    if [ -n "${PASSWORD:-}" ]; then
        printf %s "$PASSWORD"
        return 0
    fi
    printf 'A passphrase that opens %s: ' "$disk" >&2
    stty -echo
    read -r typed
    stty echo
    printf '\n' >&2
    printf %s "$typed"
}

check_parts() {
    if ! command -v update-initramfs >/dev/null || [ ! -e /usr/share/initramfs-tools/hooks/dropbear ] ||
        [ ! -e /usr/share/cryptsetup/initramfs/bin/cryptroot-unlock ]; then
        die "next, on Debian: apt-get install initramfs-tools dropbear-initramfs cryptsetup-initramfs"
    fi
    [ -s /etc/zoffsite/tunnel/peer.pub ] || die "there is no tunnel yet: run the kit's install first"
    [ -s "$unlock/source.pub" ] || die "$unlock/source.pub is missing: run source/install on the source, then install here"
    grep -q "^$(system_name)[[:space:]]" /etc/crypttab ||
        die "$disk is not in /etc/crypttab as $(system_name), so the initrd would not ask for it"
}

rebuild() {
    update-initramfs -u -k all
    [ ! -s "$boot/db.key" ] || "${0%/*}/kernels" update
    sync
}

remove_key() {
    if cryptsetup luksDump "$disk" | grep -q "^  $slot: luks2"; then cryptsetup luksKillSlot --batch-mode "$disk" "$slot"; fi
}

# Whoever else may open this disk by the initrd's sshd.
keys_but_ours() { grep -vxFf "$unlock/source.pub" "$dropbear/authorized_keys" 2>/dev/null || true; }

host_key() { cut -d' ' -f2 "$1"; }

enrol() {
    check_parts
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    umask 077
    passphrase >"$scratch/opens"
    cryptsetup open --test-passphrase --key-file "$scratch/opens" "$disk" || die "this does not open $disk"
    head -c 32 /dev/urandom | base64 | tr -d '\n' >"$scratch/new"
    remove_key
    # 32 random bytes need no slow derivation.
    cryptsetup luksAddKey --batch-mode --key-file "$scratch/opens" --key-slot "$slot" --pbkdf pbkdf2 \
        --pbkdf-force-iterations 1000 "$disk" "$scratch/new"
    keys_but_ours >"$scratch/keys"
    cat "$unlock/source.pub" >>"$scratch/keys"
    cp "$scratch/keys" "$dropbear/authorized_keys"
    : >"$unlock/on"
    rebuild
    dropbearkey -y -f "$dropbear/dropbear_ed25519_host_key" | grep '^ssh-ed25519 ' >"$scratch/initrd.pub"
    text="zoffsite-unlock1:$(host_key "$scratch/initrd.pub"):$(host_key /etc/ssh/ssh_host_ed25519_key.pub):$(cat "$scratch/new")"
    say "On the source, as root, run this and paste the line below (it is secret: it opens this disk):"
    printf '\n    /usr/local/lib/zoffsite/unlock-%s take\n\n' "$NAME"
    printf '%s:%s\n\n' "$text" "$(printf %s "$text" | sha256sum | cut -c1-8)"
}

off() {
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    remove_key
    keys_but_ours >"$scratch/keys"
    cp "$scratch/keys" "$dropbear/authorized_keys"
    rm -f "$unlock/on"
    rebuild
    say "the source opens $disk no more"
}

case ${1:-} in enrol | off) ;; *) usage ;; esac
[ "$(id -u)" -eq 0 ] || die "run it as root"
# shellcheck source=/dev/null
. /etc/zoffsite/kit.conf # NAME
disk=$(system_disk)
[ -n "$disk" ] || die "the system is not on an encrypted disk (LUKS): install it on one"
"$1"
