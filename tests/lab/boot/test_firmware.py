"""What a firmware with Secure Boot starts once it has the keys that the kit made, and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import accel, image
from lab.firmware.disks import mtools
from lab.firmware.machine import Machine

from .bench import bench
from .thief import CONFIGURED, LOADER, change_command_line, edit, kernel, take_signature_off
from .tree import Tree

ENDS = {"started": "EFI stub", "refused": "(?i)access denied|security violation"}
"""What is said on the console by the kernel's first lines; by firmware or loader."""
START_S = 300.0


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """Everything on its disk is signed by the kit's own scripts; the firmware has taken the kit's keys."""
    scratch = tmp_path_factory.mktemp("firmware")
    desk = bench(tmp_path_factory.mktemp("bench"))
    tree = Tree(scratch / "root", desk)
    with desk.on():
        tree.make()
        words = "echo console=ttyS0 loglevel=4 >/etc/zoffsite/cmdline"
        done = tree.run(f"./secure-boot keys && {words} && ./kernels update")
        assert done.returncode == 0, done.stderr
    machine = Machine.new(scratch / "box", accel.choose(image.ensure("2.1")))
    for part in sorted((tree.folder / "boot/efi").iterdir()):
        mtools("mcopy", machine.esp, "-s", str(part), "::/")
    enrol(machine, tree.folder / "etc/zoffsite/boot")
    return machine


def enrol(machine: Machine, keys: Path) -> None:
    """The loader hands the firmware what `secure-boot enrol` would hand it from the running system."""
    configured = mtools("mtype", machine.esp, CONFIGURED)
    mtools("mmd", machine.esp, "::/loader/keys", "::/loader/keys/auto")
    for name in ("PK", "KEK", "db"):
        mtools("mcopy", machine.esp, str(keys / f"{name}.auth"), "::/loader/keys/auto/")
    mtools("mcopy", machine.esp, "-o", "-", CONFIGURED, say=f"{configured}secure-boot-enroll force\n")
    with machine.on() as console:
        console.end(START_S)
    mtools("mdeltree", machine.esp, "::/loader/keys")


@pytest.fixture
def stolen(signed: Machine, tmp_path: Path) -> Machine:
    """A copy, board and disk: what a test does to it is nobody else's."""
    return signed.copy(tmp_path / "stolen")


def end(machine: Machine) -> str:
    """How its start ends."""
    with machine.on() as console:
        return console.first(ENDS, START_S)


def test_what_the_kit_has_signed_is_started_and_the_loader_counts_the_try(stolen: Machine) -> None:
    assert kernel(stolen).endswith("-1+3.efi")
    assert end(stolen) == "started"
    assert kernel(stolen).endswith("-1+2-1.efi")


def test_an_unsigned_loader_is_not_started(stolen: Machine, tmp_path: Path) -> None:
    edit(stolen, LOADER, tmp_path, take_signature_off)
    assert end(stolen) == "refused"


def test_an_unsigned_kernel_is_not_started(stolen: Machine, tmp_path: Path) -> None:
    edit(stolen, kernel(stolen), tmp_path, take_signature_off)
    assert end(stolen) == "refused"


def test_a_signed_kernel_with_another_command_line_is_not_started(stolen: Machine, tmp_path: Path) -> None:
    edit(stolen, kernel(stolen), tmp_path, change_command_line)
    assert end(stolen) == "refused"
