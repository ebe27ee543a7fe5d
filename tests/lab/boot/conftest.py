"""A whole machine with Secure Boot and a TPM, set up once; each test gets a copy of it."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import accel, image, paths
from lab.firmware.machine import Machine

from .owner import installed, locked


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Short, for its sockets; gone afterwards. One run of these tests at a time."""
    path = paths.cache() / "boot"
    with (paths.cache() / ".boot.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(mode=0o700)
        yield path
        shutil.rmtree(path)


@pytest.fixture(scope="session")
def home(folder: Path) -> tuple[Machine, str]:
    """As it goes to the friend, switched off, and the recovery key. It stays so: the tests take copies."""
    machine = installed(folder / "box", accel.choose(image.ensure("2.1")))
    return machine, locked(machine)


@pytest.fixture(scope="session")
def box(home: tuple[Machine, str]) -> Machine:
    """Its firmware has the owner's keys, and its TPM opens the disk."""
    return home[0]


@pytest.fixture(scope="session")
def recovery(home: tuple[Machine, str]) -> str:
    """The recovery key."""
    return home[1]


@pytest.fixture
def stolen(box: Machine, folder: Path) -> Iterator[Machine]:
    """All of it: main board and disks."""
    machine = box.copy(folder / "stolen")
    yield machine
    shutil.rmtree(machine.folder)
