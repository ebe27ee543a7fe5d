"""A router at home and one at the friend's place, between the two machines: each translates addresses (NAT), the one at
home forwards one UDP port, the friend's forwards nothing. They are network namespaces, which have the guests' wire."""

from __future__ import annotations

from pathlib import Path

from lab import Guest

NAMES = "/root/names"
ADDRESS = "/root/address"
"""The file with the address that the name server tells."""

_ROUTER = """
set -e
ip netns add router
ip link set wire netns router
ip link add lan type veth peer name lan netns router
ip address add 192.168.{net}.2/24 dev lan
ip link set lan up
ip route add default via 192.168.{net}.1
ip -n router address add 192.168.{net}.1/24 dev lan
ip -n router address add {public}/24 dev wire
ip -n router link set lan up
ip -n router link set wire up
ip netns exec router sysctl -qw net.ipv4.ip_forward=1
ip netns exec router nft -f - <<END
table ip router {{
    chain inbound {{ type nat hook prerouting priority dstnat; {forwarded}; }}
    chain outbound {{ type nat hook postrouting priority srcnat; oifname "wire" masquerade; }}
    chain through {{
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname "lan" accept
        ct status dnat accept
    }}
}}
END
"""
_NONE = """
! test -e /run/netns/router || ip netns delete router
until test -e /sys/class/net/wire && ! test -e /sys/class/net/lan; do sleep 0.1; done
ip address replace {address}/24 dev wire
ip link set wire up
"""


def home_router(source: Guest, public: str) -> None:
    """Put the source behind a router that has dialled in with the address `public`, whatever it had before."""
    no_router(source)
    # Only what is sent to `public`: the friend's router still knows under which MAC the old address was.
    forwarded = f'iifname "wire" ip daddr {public} udp dport 51820 dnat to 192.168.8.2'
    source.run(_ROUTER.format(net=8, public=public, forwarded=forwarded))


def friends_router(box: Guest) -> None:
    """Put the box behind a router that lets nothing in, and that it asks for names."""
    box.run(_ROUTER.format(net=9, public="198.51.100.2", forwarded="counter"))
    box.put(b"nameserver 192.168.9.1\n", "/etc/resolv.conf")


def serve_names(box: Guest, address: str) -> None:
    """The friend's name server, which the box asks, begins to answer: every name is `address`."""
    box.put(f"{address}\n".encode(), ADDRESS)
    box.put(Path(__file__).with_name("names.py").read_bytes(), NAMES)
    serve = f"python3 {NAMES} 192.168.9.1 {ADDRESS}"
    box.run(f"systemd-run --quiet --collect --unit=names ip netns exec router {serve}")


def no_router(guest: Guest) -> None:
    """The two machines in one network again."""
    guest.run("! systemctl is-active --quiet names.service || systemctl stop names.service")
    guest.run(_NONE.format(address=guest.address))
