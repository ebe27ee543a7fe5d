#!/bin/sh
# The tunnel of one interface.  usage: tunnel CONF up | down | resolve [SECONDS] | age | pair KEY
#   resolve: where the last handshake is older than SECONDS (135), look the endpoints up again and try the next; in the
#       place of a name that does not resolve, the address that answered last
#   age: seconds since the last handshake, or "never"
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
conf=$1
# shellcheck source=/dev/null
. "$conf/tunnel.conf" # INTERFACE ADDRESS PEER_ADDRESS LISTEN ENDPOINTS PORT

known=/var/lib/zoffsite/endpoint

peer() { cat "$conf/peer.pub"; }

set_peer() {
    [ -s "$conf/peer.pub" ] || return 0
    for old in $(wg show "$INTERFACE" peers); do
        [ "$old" = "$(peer)" ] || wg set "$INTERFACE" peer "$old" remove
    done
    wg set "$INTERFACE" peer "$(peer)" preshared-key "$conf/preshared.key" allowed-ips "$PEER_ADDRESS/32"
}

up() {
    ip link show dev "$INTERFACE" >/dev/null 2>&1 || ip link add dev "$INTERFACE" type wireguard
    if [ -n "$LISTEN" ]; then
        wg set "$INTERFACE" private-key "$conf/private.key" listen-port "$LISTEN"
    else
        wg set "$INTERFACE" private-key "$conf/private.key"
    fi
    set_peer
    ip address replace "$ADDRESS/32" dev "$INTERFACE"
    ip link set dev "$INTERFACE" up
    ip route replace "$PEER_ADDRESS/32" dev "$INTERFACE" src "$ADDRESS"
}

age() {
    last=$(wg show "$INTERFACE" latest-handshakes | awk '{ print $2; exit }')
    if [ "${last:-0}" -gt 0 ]; then echo $(($(date +%s) - last)); else echo never; fi
}

fresh() {
    seconds=$(age)
    # A clock that was set back makes the handshake one of the future: as good as none.
    [ "$seconds" != never ] && [ "$seconds" -ge 0 ] && [ "$seconds" -le "$1" ]
}

# The address that answers now, for a day without names: also after a boot.
remember() {
    now=$(wg show "$INTERFACE" endpoints | awk '{ print $2; exit }')
    case $now in '' | '(none)') return 0 ;; esac
    [ "$now" = "$(cat "$known" 2>/dev/null || true)" ] || { echo "$now" >"$known.new" && mv "$known.new" "$known"; }
}

# try ADDRESS:PORT : whether that can be resolved. Taking keepalive up again sends a packet at once, and so asks for a
# handshake.
try() {
    wg set "$INTERFACE" peer "$(peer)" persistent-keepalive 0
    WG_ENDPOINT_RESOLUTION_RETRIES=1 wg set "$INTERFACE" peer "$(peer)" endpoint "$1" persistent-keepalive 25
}

# Begin behind the endpoint that was tried last, so that each has its turn.
resolve() {
    if fresh "$1"; then remember; return 0; fi
    answered=$(cat "$known" 2>/dev/null || true)
    tried=$(cat "/run/zoffsite-$INTERFACE" 2>/dev/null || true)
    after=no later='' earlier=''
    for host in $ENDPOINTS; do
        if [ "$after" = yes ]; then later="$later $host"; else earlier="$earlier $host"; fi
        [ "$host" = "$tried" ] && after=yes
    done
    for host in $later $earlier; do
        case $host in *:*) at="[$host]:$PORT" ;; *) at=$host:$PORT ;; esac
        if ! try "$at"; then
            [ -n "$answered" ] || continue
            try "$answered"
            host="$host by the address that answered last, $answered"
        fi
        echo "${host%% *}" >"/run/zoffsite-$INTERFACE"
        echo "no handshake for $seconds seconds: trying $host"
        return 0
    done
    # What is set stays, and goes on being tried: it may be right.
    wg set "$INTERFACE" peer "$(peer)" persistent-keepalive 25
    echo "no endpoint can be resolved now: $ENDPOINTS" >&2
}

case ${2:-} in
    up) up ;;
    down)
        rm -f "/run/zoffsite-$INTERFACE"
        ip link delete dev "$INTERFACE"
        ;;
    resolve) resolve "${3:-135}" ;;
    age) age ;;
    pair)
        case ${3:-} in
            *[!A-Za-z0-9+/=]* | '') echo "tunnel: this is no WireGuard key" >&2; exit 2 ;;
        esac
        printf '%s\n' "$3" >"$conf/peer.pub.new"
        chmod 644 "$conf/peer.pub.new"
        # An empty one after a power cut would leave no peer, and the box has closed its other doors.
        sync "$conf/peer.pub.new"
        mv "$conf/peer.pub.new" "$conf/peer.pub"
        set_peer
        ;;
    *) sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
