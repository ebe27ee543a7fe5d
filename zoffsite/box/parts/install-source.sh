#!/bin/sh
# Sets up this machine, the source, for the box that dials in: tunnel and firewall. Says every change; can be run again.
# usage: install [--dry-run] [--remove]
#   --dry-run   say what would be changed, and change nothing
#   --remove    undo it; the keys of the tunnel go, too
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=/dev/null
. "$here/kit.conf" # NAME INTERFACE PORT UNITS
# shellcheck source=common.sh
. "$here/common"

NEEDED="wg nft ip ssh ssh-keygen"
keys=/etc/zoffsite/tunnel-$NAME
unlock=/etc/zoffsite/unlock-$NAME
carried=$here/../box/pairing
remove=no

while [ $# -gt 0 ]; do
    case $1 in
        --dry-run | -n) dry=yes ;;
        --remove) remove=yes ;;
        *) sed -n '2,5s/^# \{0,1\}//p' "$0"; case $1 in -h | --help) exit 0 ;; *) exit 2 ;; esac ;;
    esac
    shift
done

make_keys() {
    make_key "$keys/private.key"
    if [ ! -s "$keys/preshared.key" ]; then
        changes=$((changes + 1))
        changed_files="$changed_files $keys/preshared.key"
        printf '  make    %s\n' "$keys/preshared.key"
        [ "$dry" = yes ] || (umask 077 && wg genpsk >"$keys/preshared.key")
    fi
    if [ ! -s "$unlock/key" ]; then
        do_it mkdir -p "$unlock"
        do_it ssh-keygen -q -t ed25519 -N '' -C "unlocks $NAME" -f "$unlock/key"
    fi
    [ "$dry" = yes ] || chmod 700 "$keys" "$unlock"
}

# What the box must know: our public keys, and the preshared one, which is a secret of both by its nature.
fill_kit() {
    [ -d "$here/../box" ] || return 0
    wg pubkey <"$keys/private.key" >"$scratch/source.pub"
    put_key 0644 "$scratch/source.pub" "$carried/source.pub"
    put_key 0644 "$unlock/key.pub" "$carried/unlock.pub"
    put_key 0600 "$keys/preshared.key" "$carried/preshared.key"
}

install_all() {
    need_packages wireguard-tools nftables iproute2 openssh-client -- wireguard-tools nftables iproute2 openssh
    if can_check nft "the kit's firewall"; then
        nft -c -f "$here/files/etc/zoffsite/firewall-$NAME.nft" || die "nft does not understand the kit's firewall"
    fi
    put_files
    make_keys
    on_disk
    case $changed_files in *.service*) do_it systemctl daemon-reload ;; esac
    if changed '*firewall*'; then do_it systemctl reload-or-restart "zoffsite-$NAME-firewall.service"; fi
    if changed '*tunnel*' && systemctl is-active --quiet "zoffsite-$NAME-tunnel.service"; then
        do_it systemctl restart "zoffsite-$NAME-tunnel.service"
    fi
    # shellcheck disable=SC2086  # each word is a unit
    units_on $UNITS
    [ "$dry" = yes ] || fill_kit
    finish
    [ -s "$keys/peer.pub" ] || say "Next: carry the folder box/ to the box, and run its install there as root."
    say "Your router must forward UDP port $PORT to this machine; a firewall of yours must let it in."
}

remove_all() {
    units_off "zoffsite-$NAME-unlock.timer" "zoffsite-$NAME-tunnel.service" "zoffsite-$NAME-firewall.service"
    drop_files
    drop "$keys/private.key" "$keys/preshared.key" "$keys/peer.pub" "$state/manifest-$NAME"
    drop "$unlock/key" "$unlock/key.pub" "$unlock/passphrase" "$unlock/known_hosts" "/var/lib/zoffsite/unlock-$NAME.place"
    if [ "$changes" -gt 0 ]; then do_it systemctl daemon-reload; fi
    finish
}

need_root
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if [ "$remove" = yes ]; then remove_all; else install_all; fi
