"""A box without a TPM 2.0: the source opens its system disk, through the tunnel. docs/how-to/lock-the-boot-chain.md.

None of it does anything before `network-unlock enrol` was run on the box, and `take` on the source.
"""

from __future__ import annotations

from zoffsite.box.entry import Entry, Files, shell_settings
from zoffsite.box.parts import script
from zoffsite.box.spec import INTERFACE, LIBRARY, Spec

PORT = 2222
"""Of the small sshd in the initrd: not the one that the doctor and every backup ask for."""
LOOK = 30
"""Seconds between two looks whether the box waits."""
_INITRD = "/etc/initramfs-tools"

_SERVICE = """\
[Unit]
Description=zoffsite: open the system disk of the box {name} where it waits for that
After=zoffsite-{name}-tunnel.service

[Service]
Type=oneshot
ExecStart={library}/unlock-{name} look
TimeoutStartSec=120
"""

_TIMER = """\
[Unit]
Description=zoffsite: look every {look} seconds whether the box {name} waits for its disk

[Timer]
OnActiveSec=1s
OnUnitInactiveSec={look}s
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


def unlock_box_files(spec: Spec) -> Files:
    """By path on the box."""
    return {
        f"{LIBRARY}/network-unlock": _executable("network-unlock"),
        "/etc/zoffsite/unlock/unlock.conf": _conf(spec, INTERFACE),
        f"{_INITRD}/hooks/zoffsite": _executable("initrd-hook"),
        f"{_INITRD}/scripts/init-top/zoffsite": _executable("initrd-start"),
        f"{_INITRD}/scripts/init-bottom/zoffsite": _executable("initrd-end"),
    }


def unlock_source_files(spec: Spec) -> Files:
    """By path on the source."""
    name = spec.name
    service = _SERVICE.format(name=name, library=LIBRARY)
    return {
        f"{LIBRARY}/unlock-{name}": _executable("unlock"),
        f"/etc/zoffsite/unlock-{name}/unlock.conf": _conf(spec, spec.source_interface),
        f"/etc/systemd/system/zoffsite-{name}-unlock.service": Entry(text=service),
        f"/etc/systemd/system/{timer(spec)}": Entry(text=_TIMER.format(name=name, look=LOOK)),
    }


def timer(spec: Spec) -> str:
    """The unit that `take` enables."""
    return f"zoffsite-{spec.name}-unlock.timer"


def _conf(spec: Spec, interface: str) -> Entry:
    text = shell_settings(
        "How the source reaches the box's initrd. Written by the kit.",
        name=spec.name,
        interface=interface,
        address=spec.machine.address,
        ssh_port=str(spec.machine.ssh_port),
        port=str(PORT),
        timer=timer(spec),
    )
    return Entry(text=text)


def _executable(name: str) -> Entry:
    return Entry(text=script(name), mode=0o755)
