"""Small real programs that stand in for `zfs send` and `zfs receive` where there is no ZFS."""

from __future__ import annotations

import struct
import sys

MAGIC = 0x2F5BACBAC
RAW = 1 << 24
GUID = 0x1122334455667788


def begin(*, toguid: int = GUID, fromguid: int = 0, raw: bool = True, toname: str = "tank/a@s") -> bytes:
    """The first record of a stream."""
    versioninfo = 1 | ((RAW if raw else 0) << 2)
    head = struct.pack("<IIQQQIIQQ", 0, 0, MAGIC, versioninfo, 0, 2, 0, toguid, fromguid)
    return (head + toname.encode().ljust(256, b"\0")).ljust(312, b"\0")


def python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-I", "-c", program, *arguments]


def sender(size: int, marker: str, *, then: str = "", first: bytes | None = None) -> list[str]:
    """Writes a BEGIN record and zeros, `size` bytes in all, and then does `then`."""
    program = f"""
import os, sys, time
left = {size} - 312
os.write(1, bytes.fromhex({(first or begin()).hex()!r}))
while left:
    left -= os.write(1, bytes(min(left, 65536)))
{then}
"""
    return python(program, marker)


def receiver(marker: str, *, after: int = -1, then: str = "") -> list[str]:
    """Reads to the end, or `after` bytes, and then does `then`. On stdout it says nothing, as zfs receive does."""
    program = f"""
import os, sys, time
count = 0
while count != {after}:
    piece = os.read(0, min(65536, {after} - count) if {after} > 0 else 65536)
    if not piece:
        break
    count += len(piece)
{then}
"""
    return python(program, marker)


def die(message: str, code: int = 1) -> str:
    return f"sys.stderr.write({message!r}); sys.exit({code})"


FOREVER = "time.sleep(1000)"
