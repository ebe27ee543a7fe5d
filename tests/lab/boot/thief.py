"""What a thief does to a machine that is off: all that can be done from outside, with its disks in another computer."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from lab.firmware import disks
from lab.firmware.disks import mtools
from lab.firmware.machine import Machine
from lab.shell import Shell

LOADER = "::/EFI/BOOT/BOOTX64.EFI"
CONFIGURED = "::/loader/loader.conf"


def kernel(machine: Machine) -> str:
    """The one signed file on the EFI system partition."""
    (line,) = (each.strip() for each in mtools("mdir", machine.esp, "-b", "::/EFI/Linux").splitlines() if each.strip())
    return line


def edit(machine: Machine, path: str, scratch: Path, change: Callable[[Path], None]) -> None:
    """Change a file of the EFI system partition."""
    file = scratch / "file"
    mtools("mcopy", machine.esp, "-n", "-o", path, str(file))
    change(file)
    mtools("mcopy", machine.esp, "-o", str(file), path)


def take_signature_off(file: Path) -> None:
    """The same program, signed by nobody."""
    subprocess.run(["sbattach", "--remove", str(file)], check=True, capture_output=True)


def change_command_line(file: Path) -> None:
    """The signature stays, and is of another one. The kernel says its own on the console then."""
    data = file.read_bytes()
    assert data.count(b"loglevel=4") == 1
    file.write_bytes(data.replace(b"loglevel=4", b"loglevel=7"))


def add_words(machine: Machine, words: str) -> None:
    """A menu entry of the thief's, which the loader starts first: the signed file, with words behind it."""
    entry = f"title zoffsite\nefi {kernel(machine).removeprefix('::')}\noptions {words}\n"
    mtools("mcopy", machine.esp, "-o", "-", "::/loader/entries/zoffsite-thief.conf", say=entry)
    mtools("mcopy", machine.esp, "-o", "-", CONFIGURED, say="timeout 0\ndefault zoffsite-thief.conf\n")


def swap_system(machine: Machine, own: Path) -> Path:
    """File-system confusion: in the disk's place a system of the thief's, under its name. Returns the real disk."""
    real = machine.system.rename(machine.folder / "real.raw")
    disks.luks(own, machine.system)
    disks.new_uuid(real)
    return real


def tpm_gives(shell: Shell, disk: str) -> bool:
    """Whether the TPM gives the key of a disk to the system that runs now; nothing is opened."""
    shell.run("test -s /run/systemd/tpm2-pcr-signature.json")
    asking = "cryptsetup open --test-passphrase --token-only --token-type systemd-tpm2"
    done = shell.result(f"{asking} {disk}", timeout=300)
    assert done.code in (0, 1), done
    return done.code == 0
