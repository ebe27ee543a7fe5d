"""Bare machines: as they are before the kit comes, with the lab's own way in left open, as an owner would leave one."""

from __future__ import annotations

from typing import Final

from lab.guest import Guest

_SSHD: Final = """\
ListenAddress 10.0.2.15
AllowUsers root@10.0.2.2
Match LocalAddress 10.0.2.15
    PermitRootLogin prohibit-password
    AuthorizedKeysFile .ssh/authorized_keys
    PermitTTY yes
Match all
"""
_FIREWALL: Final = 'add rule inet zoffsite input iifname "mgmt" tcp dport 22 accept\n'
_UNDO: Final = """
userdel -r zoffsite 2>/dev/null
rm -f /etc/sudoers.d/lab
for pool in $(zpool list -Ho name); do zpool destroy -f $pool; done
wipefs -aq /dev/vdb1
wipefs -aq /dev/vdb
wipefs -aq /dev/vdb  # what shows from under the table
"""


def make_bare(box: Guest) -> None:
    """No account, no pool, /dev/vdb an empty disk; root's way in over the management NIC outlasts any kit."""
    box.run(_UNDO)
    box.put(_SSHD.encode(), "/etc/ssh/sshd_config.d/01-lab.conf")
    box.put(b"net.ipv4.ip_nonlocal_bind=1\n", "/etc/sysctl.d/lab.conf")  # sshd starts before networkd is done
    box.put(_FIREWALL.encode(), "/etc/zoffsite/firewall.d/lab.nft")
    box.run("systemctl restart ssh")  # or whoever restarts it next would seem to have shut a door
