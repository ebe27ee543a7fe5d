"""A box with a locked boot chain, switched on with nobody there: what its system can do, and what it is refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.firmware.machine import Machine
from lab.shell import Shell

from .owner import START_S, starts
from .thief import tpm_gives

UNSIGNED_MODULE = """
cp /lib/modules/$(uname -r)/updates/dkms/spl.ko* /root
case $(ls /root/spl.ko*) in *.zst) zstd -qd --rm /root/spl.ko.zst ;; *.xz) xz -d /root/spl.ko.xz ;; esac
objcopy --strip-debug /root/spl.ko
insmod /root/spl.ko
"""


@pytest.fixture(scope="module")
def running(box: Machine, folder: Path) -> Iterator[tuple[Machine, str]]:
    """Switched on at the friend's, with nobody there; and how that ended."""
    machine = box.copy(folder / "running")
    with machine.on() as console:
        yield machine, starts(machine, console)
    shutil.rmtree(machine.folder)


@pytest.fixture
def shell(running: tuple[Machine, str]) -> Shell:
    machine, end = running
    assert end == "up"
    return machine.shell


def test_the_box_starts_with_nobody_there_and_the_start_is_counted_as_good(running: tuple[Machine, str]) -> None:
    machine, end = running
    assert end == "up"
    machine.shell.run("systemctl is-system-running --wait || true", timeout=START_S)
    (file,) = machine.shell.run("ls /boot/efi/EFI/Linux").split()
    assert "+" not in file


def test_where_secure_boot_is_on_the_signed_openzfs_loads_and_an_unsigned_module_does_not(shell: Shell) -> None:
    assert "[integrity]" in shell.run("cat /sys/kernel/security/lockdown")
    refused = shell.result(UNSIGNED_MODULE)
    assert (refused.code, "Key was rejected" in refused.err) == (1, True)
    shell.run("modprobe zfs && zfs version", timeout=START_S)


def test_once_the_initrd_is_left_nobody_gets_the_key_from_the_tpm_not_even_root(shell: Shell) -> None:
    assert not tpm_gives(shell, "/dev/vdb")
