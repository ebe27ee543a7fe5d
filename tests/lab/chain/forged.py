"""Raw streams that are not what they say, their checksums made to fit: `zfs receive` takes them, and the key fits."""

from __future__ import annotations

import struct

RECORD = 312
SUMMED = RECORD - 32
"""The checksum of a record covers all before it: the record up to here, too."""
BEGIN, OBJECT, WRITE, END, SPILL, EMBEDDED = 0, 1, 3, 5, 7, 8


class Fletcher4:
    """The running checksum of a stream (zfs_fletcher.c)."""

    def __init__(self) -> None:
        self.sums = (0, 0, 0, 0)

    def add(self, data: bytes | bytearray) -> None:
        a, b, c, d = self.sums
        for (word,) in struct.iter_unpack("<I", data):
            a += word
            b += a
            c += b
            d += c
        self.sums = tuple(each % 2**64 for each in (a, b, c, d))  # type: ignore[assignment]

    def packed(self) -> bytes:
        return struct.pack("<4Q", *self.sums)


def payload_of(kind: int, record: bytes) -> int:
    """How many bytes follow a record (zfs_ioctl.h)."""
    (length,) = struct.unpack_from("<I", record, 4)
    bonus, raw = struct.unpack_from("<28xI4xI", record)
    logical, compressed = struct.unpack_from("<32xQ56xQ", record)
    spill, packed = struct.unpack_from("<16xQ16xQ", record)
    (embedded,) = struct.unpack_from("<52xI", record)
    lengths: dict[int, int] = {
        BEGIN: length,
        OBJECT: raw or (bonus + 7) // 8 * 8,
        WRITE: compressed or logical,
        SPILL: packed or (spill + 7) // 8 * 8,
        EMBEDDED: (embedded + 7) // 8 * 8,
    }
    return lengths.get(kind, 0)


def flipped(stream: bytes, inode: int) -> bytes:
    """The stream with one bit changed of the last block of a file."""
    data = bytearray(stream)
    at, size = last_write(stream, inode)
    data[at + RECORD + size // 2] ^= 1
    return resummed(data)


def shortened(stream: bytes, inode: int) -> bytes:
    """The stream without the last block of a file."""
    at, size = last_write(stream, inode)
    return resummed(bytearray(stream[:at] + stream[at + RECORD + size :]))


def replayed(stream: bytes, guid: int) -> bytes:
    """The stream under the GUID of another snapshot."""
    data = bytearray(stream)
    for kind, at, _ in walk(stream):
        if kind in (BEGIN, END):
            struct.pack_into("<Q", data, at + 40, guid)
    return resummed(data)


def last_write(stream: bytes, inode: int) -> tuple[int, int]:
    """Where the record of a file's last block begins, and how long the block is."""
    blocks = ((at, size) for kind, at, size in reversed(walk(stream)) if kind == WRITE)
    return next((at, size) for at, size in blocks if struct.unpack_from("<Q", stream, at + 8) == (inode,))


def resummed(data: bytearray) -> bytes:
    """The same with all its checksums made to fit."""
    summed = Fletcher4()
    for kind, at, size in walk(bytes(data)):
        if kind == END:
            data[at + 8 : at + 40] = summed.packed()
        summed.add(data[at : at + SUMMED])
        if kind != BEGIN:
            data[at + SUMMED : at + RECORD] = summed.packed()
        summed.add(data[at + SUMMED : at + RECORD + size])
    return bytes(data)


def walk(stream: bytes) -> list[tuple[int, int, int]]:
    """Each record: its kind, where it is, how much follows it."""
    found, at = [], 0
    while at < len(stream):
        (kind,) = struct.unpack_from("<I", stream, at)
        size = payload_of(kind, stream[at : at + RECORD])
        found.append((kind, at, size))
        at += RECORD + size
    return found
