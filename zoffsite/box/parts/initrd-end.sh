#!/bin/sh
# In the initrd, before the system starts: nothing of its tunnel is left. The system brings up its own, firewall first.
case ${1:-} in prereqs) exit 0 ;; esac
[ -s /run/zoffsite-tunnel.pid ] || exit 0
# shellcheck source=/dev/null
. /etc/zoffsite/tunnel/tunnel.conf # INTERFACE
kill "$(cat /run/zoffsite-tunnel.pid)"
zoffsite-ip link delete dev "$INTERFACE"
zoffsite-ip rule add pref 0 lookup local
for pref in 10 11 12 20; do zoffsite-ip rule del pref "$pref"; done
rm -f /run/zoffsite-tunnel.pid "/run/zoffsite-$INTERFACE"
