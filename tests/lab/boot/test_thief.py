"""A box with a locked boot chain, stolen: what starts, and what the disk is opened for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.firmware import disks, tpm
from lab.firmware.machine import FIRMWARE, Machine, attach
from lab.firmware.system import system

from .owner import starts, type_in
from .thief import add_words, change_command_line, edit, kernel, swap_system, take_signature_off, tpm_gives


@pytest.fixture
def moved(box: Machine, folder: Path) -> Iterator[Machine]:
    """Another machine with its disks, in whose firmware somebody has put the owner's keys."""
    machine = box.copy(folder / "moved", new=tpm.STATE)
    yield machine
    shutil.rmtree(machine.folder)


@pytest.fixture
def unlocked(box: Machine, folder: Path) -> Iterator[Machine]:
    """Its own TPM, and a firmware whose keys were cleared: it starts everything."""
    machine = box.copy(folder / "unlocked", new=FIRMWARE)
    yield machine
    shutil.rmtree(machine.folder)


def test_in_another_machine_the_disk_stays_shut_and_the_recovery_key_opens_it(moved: Machine, recovery: str) -> None:
    with moved.on() as console:
        assert starts(moved, console) == "locked"
        type_in(moved, console, recovery)


def test_with_secure_boot_off_another_command_line_starts_and_the_disk_stays_shut(
    unlocked: Machine, tmp_path: Path
) -> None:
    edit(unlocked, kernel(unlocked), tmp_path, change_command_line)
    with unlocked.on() as console:
        assert starts(unlocked, console) == "locked"
        assert "loglevel=7" in console.text


def test_with_secure_boot_off_an_unsigned_kernel_starts_and_the_disk_stays_shut(
    unlocked: Machine, tmp_path: Path
) -> None:
    edit(unlocked, kernel(unlocked), tmp_path, take_signature_off)
    with unlocked.on() as console:
        assert starts(unlocked, console) == "locked"


def test_words_that_a_menu_entry_adds_to_the_command_line_are_not_taken(stolen: Machine) -> None:
    add_words(stolen, "init=/bin/sh")
    with stolen.on() as console:
        assert starts(stolen, console) == "up"
        chosen = stolen.shell.run("tr -d '\\0' </sys/firmware/efi/efivars/LoaderEntrySelected-*")
        assert "zoffsite-thief.conf" in chosen
        assert "init=/bin/sh" not in stolen.shell.run("cat /proc/cmdline")


def test_a_system_of_the_thief_s_behind_the_signed_kernel_does_not_get_the_key_of_the_real_one(stolen: Machine) -> None:
    real = swap_system(stolen, system().disk)
    with stolen.on(*attach("real", real)) as console:
        assert starts(stolen, console) == "locked"
        type_in(stolen, console, disks.TYPED)
        assert "1" in stolen.shell.run("od -An -tu1 -j4 /sys/firmware/efi/efivars/SecureBoot-*")
        assert not tpm_gives(stolen.shell, "/dev/vdc")
