#!/bin/sh
# In the initrd: the tunnel, before anything listens in it; then, while the disk is shut, whoever the endpoints lead to.
case ${1:-} in prereqs) exit 0 ;; esac
[ -d /etc/zoffsite/tunnel ] || exit 0
# shellcheck source=/dev/null
. /etc/zoffsite/tunnel/tunnel.conf # INTERFACE ADDRESS

modprobe wireguard
zoffsite-tunnel /etc/zoffsite/tunnel up
# Linux takes a packet for any of its addresses on any interface: here, what did not come through the tunnel is dropped.
zoffsite-ip rule add pref 10 to "$ADDRESS" iif "$INTERFACE" lookup local
zoffsite-ip rule add pref 11 to "$ADDRESS" iif lo lookup local
zoffsite-ip rule add pref 12 to "$ADDRESS" blackhole
zoffsite-ip rule add pref 20 lookup local
zoffsite-ip rule del pref 0

# The network comes up later (dropbear's script asks for an address), perhaps much later.
names() {
    for lease in /run/net-*.conf; do
        [ -e "$lease" ] || continue
        sed -n "s/^IPV4DNS[01]='\\{0,1\\}\\([0-9.]*\\)'\\{0,1\\}\$/nameserver \\1/p" "$lease" | grep -v ' 0.0.0.0$'
    done >/etc/resolv.conf
}
(
    while sleep 5; do
        names
        zoffsite-tunnel /etc/zoffsite/tunnel resolve
    done
) >/run/zoffsite-tunnel.log 2>&1 &
echo $! >/run/zoffsite-tunnel.pid
