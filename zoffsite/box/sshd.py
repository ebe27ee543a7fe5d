"""sshd on the box: the tunnel's address only, keys only, our users only, one command each."""

from __future__ import annotations

from zoffsite.box.entry import Entry
from zoffsite.box.spec import Spec

KEYS = "/etc/zoffsite/authorized_keys.d"

_SSHD = """\
# Written by the kit. In force as /etc/ssh/sshd_config.d/00-zoffsite.conf, whose first word on each matter counts.
Port {port}
ListenAddress {address}
AddressFamily inet
AllowUsers {users}
AuthorizedKeysFile {keys}/%u
AuthenticationMethods publickey
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
PermitEmptyPasswords no
PermitUserEnvironment no
PermitTTY no
PermitTunnel no
DisableForwarding yes
MaxAuthTries 3
LoginGraceTime 30
MaxSessions 64
ClientAliveInterval 15
ClientAliveCountMax 4
"""


def sshd(spec: Spec) -> Entry:
    """Its settings."""
    machine = spec.machine
    users = " ".join(f"{account.user}@{machine.source_address}" for account in machine.accounts)
    return Entry(text=_SSHD.format(address=machine.address, port=machine.ssh_port, users=users, keys=KEYS))


def authorized_keys(spec: Spec, user: str) -> Entry:
    """The keys of `user`, one for backups, one that may only read. Root's file: who logs in cannot change it."""
    roles = {"backup": spec.keys[user]}
    if user in spec.restore_keys:
        roles["restore"] = spec.restore_keys[user]
    start = f'restrict,from="{spec.machine.source_address}",command="/usr/local/lib/zoffsite/gate'
    return Entry(text="".join(f'{start} {role}" {key}\n' for role, key in roles.items()))
