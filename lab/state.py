"""A machine that has just booted, kept: guests continue from it instead of booting.

The memory is a file that guests map privately, so nothing is read or copied before it is touched. No pool is
imported in it, and the ZFS module is not loaded: OpenZFS seeds its own random numbers when it loads, and two guests
that woke with the same seed would give the same GUID to different snapshots.
"""

from __future__ import annotations

import fcntl
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab import disks, paths, power, qemu
from lab.errors import LabError
from lab.image import Image, key_file
from lab.progress import Progress
from lab.shell import Shell

COLD_BOOT_S: Final = 600.0
# Bring into memory what every test uses first, then let the boot's own work come to rest.
_SETTLE: Final = """
systemctl is-system-running --wait >/dev/null 2>&1
cat /sbin/zfs /sbin/zpool /lib/modules/*/updates/dkms/*.ko* /bin/sh /usr/sbin/sshd >/dev/null
ldd /sbin/zfs /sbin/zpool >/dev/null; ip -br link >/dev/null; tc qdisc >/dev/null
cat /lib/x86_64-linux-gnu/lib{zfs,zpool,nvpair,uutil,zfs_core}*.so.* >/dev/null 2>&1
if grep -q '^zfs ' /proc/modules; then modprobe -r zfs; fi
# Under emulation a login spends half a second on messages that nobody reads, and a big shell costs more than most
# commands that it starts.
sed -i -E '/pam_(motd|mail|env|selinux)/d' /etc/pam.d/sshd
usermod -s /bin/sh root
sync
! grep -qE '^(zfs|spl) ' /proc/modules
"""


@dataclass(frozen=True)
class State:
    """A saved machine."""

    folder: Path

    @property
    def root(self) -> Path:
        """The root disk at that moment; guests lay their own over it."""
        return self.folder / "root.qcow2"

    @property
    def memory(self) -> Path:
        """The memory at that moment."""
        return self.folder / "ram"

    @property
    def machine(self) -> Path:
        """The devices and processors at that moment."""
        return self.folder / "machine"


def key(image: Image, accel: str) -> str:
    """Names the state that fits this QEMU, this machine, this image and what is done before it is saved."""
    return f"{image.version}-{qemu.state_key(accel, image, _SETTLE)}"


def ensure(image: Image, accel: str) -> State | None:
    """The saved state for this image, made first if the cache lacks it; None where QEMU cannot save one."""
    name = key(image, accel)
    state, impossible = State(paths.states() / name), paths.states() / f"{name}.impossible"
    with (paths.states() / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not state.machine.exists() and not impossible.exists():
            _make(state.folder, impossible, image, accel)
    return state if state.machine.exists() else None


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that were free a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


def _make(final: Path, impossible: Path, image: Image, accel: str) -> None:
    part = final.with_name(f".{final.name}.part")
    power.stop(part)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    ports = qemu.Ports(*free_ports(2))
    try:
        with Progress(f"OpenZFS {image.version} state", sys.stderr) as say:
            disks.overlay(part / "root.qcow2", image.disk, "raw")
            disks.blank(part)
            say(f"booting once ({accel})")
            argv = qemu.machine(accel, image, ("wire-here", "wire-there"), ports)
            power.start(part, [*argv, *qemu.memory_shared(part / "ram")])
            shell = Shell(part, ports.mgmt, key_file())
            shell.wait(COLD_BOOT_S)
            shell.run(_SETTLE, timeout=COLD_BOOT_S)
            shell.close()
            say("saving")
            try:
                power.save(part)
            except LabError as error:
                say("saving is not possible here: guests will boot cold")
                impossible.write_text(str(error))
                return
            power.stop(part)
            for name in disks.DATA:
                (part / name).unlink()
            part.rename(final)
    finally:
        power.stop(part)
        shutil.rmtree(part, ignore_errors=True)
