"""The firewalls: a table of our own on each machine, so that what else is loaded there stays.

In nftables a packet passes only when every table lets it: our `drop` holds whatever another table says.
"""

from __future__ import annotations

from zoffsite.box.entry import Entry
from zoffsite.box.spec import INTERFACE, Spec

LOCAL = "/etc/zoffsite/firewall.d/*.nft"
"""Where the owner's own additions to the box's table are read from."""

_BOX = """\
# The box trusts nobody around it. In: SSH from the source, through the tunnel.
# Out: the tunnel, addresses, names, time{and_updates}.
# Written by the kit. Additions of your own: a file in /etc/zoffsite/firewall.d, as in
#     add rule inet zoffsite input iifname "enp3s0" tcp dport 22 accept
table inet zoffsite
delete table inet zoffsite
table inet zoffsite {{
    chain input {{
        type filter hook input priority filter; policy drop;
        iifname "lo" accept
        ct state established,related accept
        iifname "{interface}" ip saddr {source} ip daddr {box} tcp dport {ssh} accept
        iifname "{interface}" ip saddr {source} ip daddr {box} icmp type echo-request accept
        iifname "{interface}" drop
        udp sport 67 udp dport 68 accept comment "DHCP"
        udp sport 547 udp dport 546 accept comment "DHCP for IPv6"
        icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert }} ip6 hoplimit 255 accept
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
    }}
    chain output {{
        type filter hook output priority filter; policy drop;
        oifname "lo" accept
        ct state established,related accept
        oifname "{interface}" drop comment "nothing but answers goes to the source"
        tcp sport {{ {logins} }} tcp flags & (syn | rst) == 0x0 accept comment "a login from before"
        udp dport {port} accept comment "the tunnel itself"
        udp sport 68 udp dport 67 accept comment "DHCP"
        udp sport 546 udp dport 547 accept comment "DHCP for IPv6"
        meta l4proto {{ tcp, udp }} th dport 53 accept comment "names"
        udp dport 123 accept comment "time"
{updates}        icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit }} accept
        icmpv6 type mld2-listener-report accept
    }}
}}
include "{local}"
"""

_UPDATES = '        tcp dport { 80, 443 } accept comment "its own security updates"\n'

_SOURCE = """\
# What comes from the box {name} through the tunnel is answers, whether to this machine or to its network.
# Written by the kit. AllowedIPs bounds only the address that a packet comes FROM, so this must be loaded first.
table inet {table}
delete table inet {table}
table inet {table} {{
    chain input {{
        type filter hook input priority filter; policy accept;
        iifname "{interface}" ct state established,related accept
        iifname "{interface}" drop
    }}
    chain forward {{
        type filter hook forward priority filter; policy accept;
        iifname "{interface}" ct state established,related accept
        iifname "{interface}" drop
    }}
}}
"""


def box_firewall(spec: Spec) -> Entry:
    """Everything is dropped but what a box needs."""
    machine = spec.machine
    text = _BOX.format(
        interface=INTERFACE,
        source=machine.source_address,
        box=machine.address,
        ssh=machine.ssh_port,
        logins=", ".join(map(str, sorted({22, machine.ssh_port}))),
        port=machine.port,
        local=LOCAL,
        updates=_UPDATES if machine.updates else "",
        and_updates=", updates" if machine.updates else "",
    )
    return Entry(text=text)


def source_firewall(spec: Spec) -> Entry:
    """Nothing of the source, or of the network behind it, can be reached from the box."""
    return Entry(text=_SOURCE.format(name=spec.name, table=source_table(spec), interface=spec.source_interface))


def source_table(spec: Spec) -> str:
    """Its name in nftables."""
    return f"zoffsite_{spec.name.replace('-', '_')}"
