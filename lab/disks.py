"""The disks of a guest: a throw-away overlay for the root, two blank files for pools."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from typing import Final

DATA: Final = ("data1.raw", "data2.raw")
DATA_SIZE: Final = 4 << 30
_SECTOR: Final = 512
_START: Final = 2048


def overlay(path: Path, base: Path, kind: str) -> None:
    """A new root disk on top of a frozen one."""
    path.unlink(missing_ok=True)
    argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", kind, str(path)]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def blank(folder: Path) -> None:
    """New data disks, each with one partition.

    A pool on a partition needs no labelling by ZFS, and the partition table is the same whenever the guest's kernel
    looks at it: also in a saved state, which never saw the pool.
    """
    entry = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xBF, b"\xff\xff\xff", _START, DATA_SIZE // _SECTOR - _START)
    table = bytes(446) + entry + bytes(48) + b"\x55\xaa"
    for name in DATA:
        path = folder / name
        path.unlink(missing_ok=True)
        with path.open("wb") as disk:
            disk.write(table)
            disk.truncate(DATA_SIZE)
