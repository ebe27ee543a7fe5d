#!/bin/sh
# Sets up this machine as a backup box, says every change, and can be run again at any time.
# usage: install [--dry-run] [--remove] [--disks "DISK [DISK]"] [--wait MINUTES]
#   --dry-run   say what would be changed, and change nothing
#   --remove    undo it; pools, replicas and the keeper's memory stay
#   --disks     make the pool on one disk, or as a mirror of two; they must be empty (name them by /dev/disk/by-id/…)
#   --wait      how long the tunnel may take to come up before firewall and tunnel are undone (15); 0: never undo
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=/dev/null
. "$here/kit.conf" # NAME INTERFACE ADDRESS SOURCE_ADDRESS UNITS POOLS
# shellcheck source=common.sh
. "$here/common"

NEEDED="wg nft sshd sudo visudo python3 zfs zpool ip"
keys=/etc/zoffsite/tunnel
remove=no disks='' wait=15

while [ $# -gt 0 ]; do
    case $1 in
        --dry-run | -n) dry=yes ;;
        --remove) remove=yes ;;
        --disks) disks=${2:?}; shift ;;
        --wait) wait=${2:?}; shift ;;
        *) sed -n '2,7s/^# \{0,1\}//p' "$0"; case $1 in -h | --help) exit 0 ;; *) exit 2 ;; esac ;;
    esac
    shift
done

accounts() { cat "$here/accounts"; } # USER ROOT QUOTA FILESYSTEM_LIMIT SNAPSHOT_LIMIT, blanks between

check_parts() {
    if can_check visudo "the kit's sudoers file"; then
        visudo -cqf "$here/files/etc/sudoers.d/zoffsite" || die "sudo does not understand the kit's sudoers file"
    fi
    if can_check nft "the kit's firewall"; then
        nft -c -f "$here/files/etc/zoffsite/firewall.nft" || die "nft does not understand the kit's firewall"
    fi
    if can_check sshd /etc/ssh/sshd_config; then
        grep -qE '^[[:space:]]*Include[[:space:]]+"?/etc/ssh/sshd_config.d/' /etc/ssh/sshd_config ||
            die "/etc/ssh/sshd_config has no line: Include /etc/ssh/sshd_config.d/*.conf"
    fi
    if [ ! -s "$keys/peer.pub" ] || [ ! -s "$keys/preshared.key" ]; then
        if [ ! -s "$here/pairing/source.pub" ] || [ ! -s "$here/pairing/preshared.key" ]; then
            die "pairing/ is empty: run source/install on the source first; it puts its public key there"
        fi
    fi
}

add_users() {
    accounts | while read -r user _; do
        id "$user" >/dev/null 2>&1 && continue
        printf '%s\n' "$user"
    done >"$scratch/users"
    while read -r user; do
        # The password is none that can be typed; "!" would lock the account for keys, too.
        do_it useradd --system --no-create-home --home-dir / --shell /bin/sh --password '*' "$user"
        remember users "$user"
    done <"$scratch/users"
}

put_keys() {
    make_key "$keys/private.key"
    [ "$dry" = yes ] || chmod 700 "$keys"
    put_key 0644 "$here/pairing/source.pub" "$keys/peer.pub"
    put_key 0644 "$here/pairing/unlock.pub" /etc/zoffsite/unlock/source.pub
    put_key 0600 "$here/pairing/preshared.key" "$keys/preshared.key"
    [ -s /etc/ssh/ssh_host_ed25519_key ] || do_it ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
}

# A disk is taken only when nothing is on it that anybody could miss.
check_disk() {
    [ -b "$1" ] || die "$1 is no disk"
    case $(lsblk -dno TYPE "$1") in disk) ;; *) die "$1 is not a whole disk" ;; esac
    [ -z "$(lsblk -rno MOUNTPOINT "$1" | tr -d ' \n')" ] || die "$1 is in use: something on it is mounted"
    found=$(wipefs -n "$1"; lsblk -rno NAME "$1" | tail -n +2)
    [ -z "$found" ] || die "$1 is not empty, so it is left alone; if it may go: wipefs -a $1"
}

make_pool() {
    can_check zpool "pools and disks" || return 0
    for pool in $POOLS; do
        zpool list -H "$pool" >/dev/null 2>&1 && continue
        [ -n "$disks" ] || die "there is no pool $pool: zpool import $pool, or give empty disks: --disks \"DISK DISK\""
        [ "$POOLS" = "$pool" ] || die "several pools are missing: make them by hand"
        for disk in $disks; do check_disk "$disk"; done
        case $disks in *' '*) mirror=mirror ;; *) mirror='' ;; esac
        # shellcheck disable=SC2086  # each word is a disk
        do_it zpool create -o ashift=12 -O canmount=off -O mountpoint=none -O readonly=on -O atime=off "$pool" $mirror $disks
    done
}

keep_importing() {
    for pool in $POOLS; do
        cache=$(zpool get -Ho value cachefile "$pool" 2>/dev/null || echo -)
        [ "$cache" = - ] || do_it zpool set cachefile= "$pool"
    done
    importing=''
    for unit in zfs-import-cache.service zfs-import.target zfs.target; do
        if ! systemctl is-enabled --quiet "$unit" 2>/dev/null; then
            importing="$importing $unit"
            remember enabled "$unit"
        fi
    done
    # shellcheck disable=SC2086  # each word is a unit
    [ -z "$importing" ] || do_it systemctl enable --quiet $importing
}

# set_property DATASET PROPERTY VALUE, unless it is so.
set_property() {
    is=$(zfs get -Hpo value,source "$2" "$1" 2>/dev/null || true)
    case $is in "$3	local" | "$3	received") return 0 ;; esac
    do_it zfs set "$2=$3" "$1"
}

make_roots() {
    while read -r user root quota filesystems snapshots; do
        zfs list -H "$root" >/dev/null 2>&1 ||
            do_it zfs create -p -o canmount=off -o mountpoint=none -o readonly=on "$root"
        for wanted in canmount=off mountpoint=none readonly=on com.sun:auto-snapshot=false \
            "quota=$quota" "filesystem_limit=$filesystems" "snapshot_limit=$snapshots"; do
            [ "$wanted" = quota=none ] || set_property "$root" "${wanted%%=*}" "${wanted#*=}"
        done
        delegate "$user" "$root"
    done <"$here/accounts"
}

allowed() { zfs allow "$2" 2>/dev/null | sed -n "s/^[[:space:]]*user $1 //p" | head -n 1; }

# create, mount, receive, and nothing that destroys: that is the keeper's. receive:append forbids -F where it is known.
# send is for proofs and for the restore key: without a key of the data it only gives what it got.
delegate() {
    is=$(allowed "$1" "$2") wanted=create,mount,$(receiving),send
    [ "$is" != "$wanted" ] || return 0
    [ -z "$is" ] || do_it zfs unallow -u "$1" "$2"
    do_it zfs allow -u "$1" "$wanted" "$2" || die "$1 may not receive now: reboot if zfs was upgraded, then run this again"
}

# Without arguments `zfs allow` lists all permissions that it knows. (To try one would change something.)
receiving() { if zfs allow 2>&1 | grep -qw receive:append; then echo receive:append; else echo receive; fi; }

mask_mounting() {
    mounting=''
    for unit in zfs-mount.service zfs-share.service; do
        [ "$(systemctl is-enabled "$unit" 2>/dev/null || true)" != masked ] || continue
        mounting="$mounting $unit"
        remember masked "$unit"
    done
    # shellcheck disable=SC2086  # each word is a unit
    [ -z "$mounting" ] || do_it systemctl mask --quiet $mounting
}

# What the source must know: two public keys, and digits that show a slip of the pen.
pairing_text() {
    text="zoffsite1:$(wg pubkey <"$keys/private.key"):$(cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub)"
    printf '%s:%s\n' "$text" "$(printf %s "$text" | sha256sum | cut -c1-8)"
}

# Firewall, then tunnel, then SSH: by `settle`, once the tunnel is up.
activate() {
    if [ -e "$state/settled" ]; then
        if changed '/etc/zoffsite/firewall.nft'; then do_it systemctl reload-or-restart zoffsite-firewall.service; fi
        if changed '*tunnel*'; then do_it systemctl restart zoffsite-tunnel.service; fi
        systemctl is-enabled --quiet "$(ssh_unit)" 2>/dev/null || remember enabled "$(ssh_unit)"
        # shellcheck disable=SC2086  # each word is a unit
        units_on $UNITS "$(ssh_unit)"
        put 0644 root:root /etc/zoffsite/sshd.conf /etc/ssh/sshd_config.d/00-zoffsite.conf || return 0
        do_it systemctl restart "$(ssh_unit)"
        return 0
    fi
    systemctl is-active --quiet zoffsite-settle.service && return 0
    # What undoes it is there before anything is shut: whatever ends this script, the machine opens again.
    [ "$wait" = 0 ] ||
        do_it systemd-run --quiet --collect --unit=zoffsite-settle /usr/local/lib/zoffsite/settle wait $((wait * 60))
    for unit in $UNITS; do
        systemctl is-active --quiet "$unit" || do_it systemctl start "$unit" || undo "$unit does not start"
    done
    [ "$wait" != 0 ] || do_it /usr/local/lib/zoffsite/settle now
}

# undo WHY : at once, instead of in a quarter of an hour.
undo() {
    systemctl stop zoffsite-settle.service 2>/dev/null || true
    /usr/local/lib/zoffsite/settle undo || true
    die "$1; see: journalctl -b -u 'zoffsite*'"
}

install_all() {
    need_packages wireguard-tools nftables openssh-server sudo python3 zfsutils-linux zfs-dkms iproute2 -- \
        wireguard-tools nftables openssh sudo python iproute2
    check_parts
    make_pool
    add_users
    put_files
    put_keys
    make_roots
    keep_importing
    mask_mounting
    on_disk
    case $changed_files in *.service* | *.timer*) do_it systemctl daemon-reload ;; esac
    # shellcheck disable=SC2086  # each word is a unit
    units_on $TIMERS
    if [ "$dry" = no ]; then
        # The kit may be on a medium that cannot be written to.
        { mkdir -p "$here/pairing" && pairing_text >"$here/pairing/box"; } 2>/dev/null || true
        rm -f "$here/pairing/preshared.key" 2>/dev/null || say "delete $here/pairing/preshared.key: it is secret"
    fi
    activate
    finish
    [ "$dry" = no ] || return 0
    say "On the source, paste this (it is in pairing/box, too; nothing in it is secret):"
    printf '\n    zoffsite box pair --box %s %s\n\n' "$NAME" "$(pairing_text)"
    [ -e "$state/settled" ] || say "Within $wait minutes, or firewall and tunnel are undone and this can be run again."
}

remove_all() {
    if [ -e /etc/zoffsite/unlock/on ]; then
        die "the source opens this machine's system disk; first: /usr/local/lib/zoffsite/network-unlock off"
    fi
    if [ -e /etc/zoffsite/boot/db.key ]; then
        die "this machine starts only what its own keys sign, and what signs would go, too; first: \
docs/how-to/lock-the-boot-chain.md, Without it again"
    fi
    systemctl is-active --quiet zoffsite-settle.service && do_it systemctl stop zoffsite-settle.service
    # shellcheck disable=SC2086  # each word is a unit
    units_off $TIMERS zoffsite-endpoint.timer zoffsite-settled.service
    if [ -e /etc/ssh/sshd_config.d/00-zoffsite.conf ]; then
        drop /etc/ssh/sshd_config.d/00-zoffsite.conf
        do_it systemctl restart "$(ssh_unit)"
    fi
    units_off zoffsite-tunnel.service zoffsite-firewall.service
    # shellcheck disable=SC2046  # each word is a unit
    [ -z "$(remembered masked)" ] || do_it systemctl unmask --quiet $(remembered masked)
    # shellcheck disable=SC2046
    [ -z "$(remembered enabled)" ] || do_it systemctl disable --quiet $(remembered enabled)
    while read -r user root _; do
        [ -z "$(allowed "$user" "$root")" ] || do_it zfs unallow -u "$user" "$root"
    done <"$here/accounts"
    drop_files
    drop "$keys/private.key" "$keys/peer.pub" "$keys/preshared.key" /etc/zoffsite/unlock/source.pub "$state/settled"
    drop /var/lib/zoffsite/endpoint
    for user in $(remembered users); do do_it userdel "$user" || say "userdel $user: do it when nothing of it runs"; done
    drop "$state/manifest-$NAME" "$state/users-$NAME" "$state/masked-$NAME" "$state/enabled-$NAME"
    if [ "$changes" -gt 0 ]; then
        do_it systemctl daemon-reload
        [ "$dry" = yes ] || systemctl reset-failed 'zoffsite*' 2>/dev/null || true
    fi
    finish
    say "kept: the pools with all replicas, /var/lib/zoffsite and /var/log/zoffsite (the keeper's memory), host keys"
}

need_root
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if [ "$remove" = yes ]; then remove_all; else install_all; fi
