"""How fast a stream is digested, beside plain BLAKE2b over the same bytes: `python -m bench.digest`."""

from __future__ import annotations

import hashlib
import os
import struct
import time

from zoffsite.stream.digest import (
    BEGIN,
    END,
    FREE,
    FREEOBJECTS,
    MAGIC,
    OBJECT,
    OBJECT_RANGE,
    PIECE,
    RAW,
    RECORD,
    WRITE,
    StreamDigest,
)

SIZE = 16 << 20
ROUNDS = 25
BLOCKS = (1 << 20, 128 << 10, 16 << 10, 8 << 10, 4 << 10)
FILES = (128 << 10, 16 << 10, 4 << 10, 512)
BONUS = 320
"""Bytes that a raw send tells of each file: all that a dnode of 512 bytes has room for."""
OBJECTS = 32
"""Dnodes in a block of them, which an OBJECT_RANGE goes before."""


def record(kind: int, *fields: tuple[int, str, int]) -> bytes:
    """A record with these (offset, format, value) in it."""
    made = bytearray(RECORD)
    struct.pack_into("<I", made, 0, kind)
    for offset, form, value in fields:
        struct.pack_into(form, made, offset, value)
    return bytes(made)


def write(size: int) -> bytes:
    """A block of random bytes."""
    return record(WRITE, (32, "<Q", size), (96, "<Q", size)) + os.urandom(size)


def files(size: int) -> bytes:
    """Small files as `zfs send -w` tells them: each an OBJECT, a FREE of what is behind its end, and one block."""
    told = record(OBJECT, (28, "<I", 168), (36, "<I", BONUS)) + os.urandom(BONUS) + record(FREE)
    return record(FREEOBJECTS) + record(OBJECT_RANGE) + b"".join(told + write(size) for _ in range(OBJECTS))


def stream(part: bytes) -> bytes:
    """A raw stream of this, again and again."""
    begin = record(BEGIN, (8, "<Q", MAGIC), (16, "<Q", RAW << 2 | 1), (40, "<Q", 7))
    return begin + part * (SIZE // len(part)) + record(END)


def plain(pieces: list[bytes]) -> float:
    """Seconds of BLAKE2b."""
    began, digest = time.process_time(), hashlib.blake2b(digest_size=32)
    for piece in pieces:
        digest.update(piece)
    return time.process_time() - began


def canonical(pieces: list[bytes]) -> float:
    """Seconds of ours."""
    began, digest = time.process_time(), StreamDigest(bytes(32))
    for piece in pieces:
        digest.update(piece)
    digest.finish()
    return time.process_time() - began


def rates(whole: bytes) -> tuple[float, float]:
    """MB/s of both, each the best of ROUNDS, in turn."""
    pieces = [whole[at : at + PIECE] for at in range(0, len(whole), PIECE)]
    measured = [(plain(pieces), canonical(pieces)) for _ in range(ROUNDS)]
    best, ours = (len(whole) / min(seconds) / 1e6 for seconds in zip(*measured, strict=True))
    return best, ours


def spoken(size: int) -> str:
    """As the table says it."""
    return f"{size >> 10} KiB" if size >> 10 else f"{size} B"


def main() -> None:
    """A row for each size of block, and of file."""
    streams = [(f"blocks of {spoken(size)}", write(size)) for size in BLOCKS]
    streams += [(f"files of {spoken(size)}", files(size)) for size in FILES]
    print("| stream | BLAKE2b | canonical digest | ratio |\n|---|---|---|---|")
    for name, part in streams:
        best, ours = rates(stream(part))
        print(f"| {name} | {best:.0f} MB/s | {ours:.0f} MB/s | {ours / best:.2f} |", flush=True)


if __name__ == "__main__":
    main()
