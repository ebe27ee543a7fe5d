#!/bin/sh
# Puts the tunnel into the initrd of a box whose disk the source opens (network-unlock). For initramfs-tools.
case ${1:-} in prereqs) echo dropbear; exit 0 ;; esac
[ -e /etc/zoffsite/unlock/on ] || exit 0
set -eu
# shellcheck source=/dev/null
. /usr/share/initramfs-tools/hook-functions
# shellcheck source=/dev/null
. /etc/zoffsite/unlock/unlock.conf # ADDRESS PORT

manual_add_modules wireguard
copy_exec /usr/bin/wg
# The busybox there has an `ip` of its own, which knows less.
copy_exec /sbin/ip /sbin/zoffsite-ip
copy_exec /usr/local/lib/zoffsite/tunnel /sbin/zoffsite-tunnel
mkdir -p "$DESTDIR/etc/zoffsite"
cp -a /etc/zoffsite/tunnel "$DESTDIR/etc/zoffsite/tunnel"
# In the tunnel only, with a key only, and for one command; nothing is forwarded.
printf 'DROPBEAR_OPTIONS="-p %s:%s -s -j -k -I 180 -c cryptroot-unlock"\n' "$ADDRESS" "$PORT" >>"$DESTDIR/etc/dropbear/dropbear.conf"
