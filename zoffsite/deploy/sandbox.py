"""What a unit may do: everything that it does not need is taken from it, and each thing it keeps has its reason."""

from __future__ import annotations

from pathlib import Path

from zoffsite.deploy.quoting import word
from zoffsite.deploy.spec import Interface, Needs

_ALWAYS = """\
NoNewPrivileges=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
# Not MemoryDenyWriteExecute: Python's foreign functions (cffi, in the SSH library) make code at run time.
# AF_NETLINK: the C library asks the kernel for addresses before it resolves names.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
UMask=0077
"""

_SERVER = """\
CapabilityBoundingSet=
PrivateDevices=yes
ProtectProc=invisible
ProtectSystem=strict
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
# Nothing is fetched from outside, and nothing is sent there.
IPAddressDeny=any
IPAddressAllow=localhost
"""

_FILES = """\
# Keys are often in a home; reports, locks and the ledger are all that is written.
ProtectHome=read-only
ProtectSystem=strict
"""

_HOOKS = """\
# Hooks run commands of yours, and nobody here knows what these need: the files of the system, capabilities and devices
# are not taken from them. Without hooks in zoffsite.toml, they are.
"""

_REMOTE = """\
# Both ends are reached by SSH: no device, and no right that root has beyond other users, is needed here.
CapabilityBoundingSet=
PrivateDevices=yes
SystemCallFilter=@system-service
"""

_ZFS = """\
# zfs snapshot, send and destroy: one device, the right to administer, and umount for snapshots that somebody looks at.
CapabilityBoundingSet=CAP_SYS_ADMIN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH
SystemCallFilter=@system-service @mount
"""
_ONE_DEVICE = """\
DevicePolicy=closed
DeviceAllow=/dev/zfs rw
"""
_DISKS = """\
# A removable disk can be any device.
"""


_DRILL = """\
# A drill mounts what came back where nobody else sees it, and reads volumes.
DeviceAllow=block-zvol r
"""
_NO_NAMESPACES, _MOUNTS_ONLY = "RestrictNamespaces=yes\n", "RestrictNamespaces=mnt\n"


_DOCTOR = """\
# Firewall, tunnel and the health of disks are told only to whoever might change them. What a firewall's file means is
# seen by loading it into a network namespace of its own. The modules of all kernels are looked at, too.
CapabilityBoundingSet=CAP_SYS_ADMIN CAP_NET_ADMIN CAP_SYS_RAWIO CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH
"""
_NOT_DOCTOR = ("ProtectKernelModules=yes\n", _NO_NAMESPACES)


def of_runs(needs: Needs, state_dir: Path, *, drills: bool = False) -> str:
    """For the processes that run jobs; with `drills`, those too."""
    always = _ALWAYS.replace(_NO_NAMESPACES, _MOUNTS_ONLY) if drills and needs.zfs else _ALWAYS
    if needs.hooks:
        return always + _HOOKS
    canaries = "".join(f"ReadWritePaths={word(f'-{place}', 'the canary')}\n" for place in needs.canaries)
    files = f"{_FILES}ReadWritePaths={word(state_dir, 'state_dir')}\n{canaries}"
    if not needs.zfs:
        return always + files + _REMOTE
    return always + files + _ZFS + (_DISKS if needs.disks else _ONE_DEVICE + (_DRILL if drills else ""))


def of_doctor(state_dir: Path) -> str:
    """For the doctor, which changes nothing but must see what only root may."""
    rest = _ALWAYS
    for line in _NOT_DOCTOR:
        rest = rest.replace(line, "")
    return f"{rest}{_FILES}ReadWritePaths={word(state_dir, 'state_dir')}\n{_DOCTOR}"


def of_server(listen: Interface) -> str:
    """For the Prefect server, on that address: besides this machine only that address's network reaches it."""
    network = "" if listen.ip.is_loopback else f"IPAddressAllow={listen.network}\n"
    return _ALWAYS + _SERVER + network
