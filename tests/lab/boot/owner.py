"""What the owner does: a machine set up as docs/how-to/lock-the-boot-chain.md says."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.firmware import disks
from lab.firmware.console import Console
from lab.firmware.machine import Machine
from lab.firmware.system import system
from zoffsite.box.boot import boot_files
from zoffsite.box.entry import Entry, Files

OURS = "/usr/local/lib/zoffsite"
START_S = 1200.0
"""Seconds after which a start is given up: firmware, dracut and a login on emulated processors, beside other work."""
ENDS = {
    "up": "The lab is up",
    "locked": "(?i)please (enter passphrase|enter recovery|unlock disk)",
    "refused": "(?i)access denied|security violation|no bootable",
}
CMDLINE = "/etc/zoffsite/cmdline"
_QUIET = "console=ttyS0 mitigations=off net.ifnames=1 systemd.show_status=no loglevel=4"
WORDS = Entry(text=f"{_QUIET}\n")
"""What this machine's kernel needs beside its own."""


def starts(machine: Machine, console: Console) -> str:
    """How this start ends with nobody there: up, locked (it asks for a passphrase) or refused."""
    end = console.first(ENDS, START_S)
    if end == "up":
        machine.shell.wait(START_S)
    return end


def type_in(machine: Machine, console: Console, passphrase: str) -> None:
    """At the prompt of the disk; it opens it."""
    console.type(passphrase)
    console.first({"up": ENDS["up"]}, START_S)
    machine.shell.wait(START_S)


def installed(folder: Path, accel: str) -> Machine:
    """A system on an encrypted disk, started past the firmware once: keys made, all signed, firmware enrolled."""
    machine = Machine.new(folder, accel)
    built = system()
    disks.luks(built.disk, machine.system)
    with opened(machine, *past_firmware(f"rd.luks.name={disks.UUID}=root root=/dev/mapper/root rd.shell=0")):
        put(machine, {**boot_files(), CMDLINE: WORDS})
        machine.shell.run(f"{OURS}/secure-boot keys", timeout=START_S)
        machine.shell.run(f"{OURS}/kernels update", timeout=START_S)
        machine.shell.run(f"{OURS}/secure-boot enrol", timeout=START_S)
    return machine


def locked(machine: Machine) -> str:
    """Secure Boot is on from this start; the TPM gets the disk's key. Returns the recovery key."""
    with opened(machine):
        said = machine.shell.run(f"PASSWORD='{disks.TYPED}' {OURS}/tpm recovery", timeout=START_S)
        (recovery,) = [line.strip() for line in said.splitlines() if line.strip().count("-") == 7]
        machine.shell.run(f"PASSWORD={recovery} {OURS}/tpm enrol", timeout=START_S)
    return recovery


def past_firmware(line: str) -> tuple[str, ...]:
    """For QEMU's command line: kernel and initrd from outside, as an installer starts them."""
    built = system()
    return "-kernel", str(built.kernel), "-initrd", str(built.initrd), "-append", f"{line} ro {_QUIET}"


@contextmanager
def opened(machine: Machine, *kernel: str) -> Iterator[None]:
    """Started by somebody who types the passphrase; shut down in good order."""
    with machine.on(*kernel) as console:
        assert starts(machine, console) == "locked"
        type_in(machine, console, disks.TYPED)
        yield
        machine.shut_down(console)


def put(machine: Machine, files: Files) -> None:
    """Files of the kit, where its `install` puts them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, entry in files.items():
            text = entry.text.encode()
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size, member.mode = len(text), entry.mode
            archive.addfile(member, io.BytesIO(text))
    machine.shell.run("tar -x -C / --no-overwrite-dir", stdin=buffer.getvalue())
