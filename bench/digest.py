"""How fast a stream is digested, beside plain BLAKE2b over the same bytes: `python -m bench.digest`."""

from __future__ import annotations

import hashlib
import os
import struct
import time

from zoffsite.stream.digest import BEGIN, END, MAGIC, PIECE, RAW, RECORD, WRITE, StreamDigest

SIZE = 256 << 20
BLOCKS = (1 << 20, 128 << 10, 16 << 10, 8 << 10, 4 << 10)


def record(kind: int, *fields: tuple[int, str, int]) -> bytes:
    """A record with these (offset, format, value) in it."""
    made = bytearray(RECORD)
    struct.pack_into("<I", made, 0, kind)
    for offset, form, value in fields:
        struct.pack_into(form, made, offset, value)
    return bytes(made)


def stream(block: int) -> bytes:
    """A raw stream of blocks of one size, nothing else in it."""
    header = record(WRITE, (32, "<Q", block), (96, "<Q", block))
    one = header + os.urandom(block)
    begin = record(BEGIN, (8, "<Q", MAGIC), (16, "<Q", RAW << 2 | 1), (40, "<Q", 7))
    return begin + one * (SIZE // len(one)) + record(END)


def plain(pieces: list[bytes]) -> float:
    """MB/s of BLAKE2b."""
    began, digest = time.process_time(), hashlib.blake2b(digest_size=32)
    for piece in pieces:
        digest.update(piece)
    return SIZE / (time.process_time() - began) / 1e6


def canonical(pieces: list[bytes]) -> float:
    """MB/s of ours."""
    began, digest = time.process_time(), StreamDigest(bytes(32))
    for piece in pieces:
        digest.update(piece)
    digest.finish()
    return SIZE / (time.process_time() - began) / 1e6


def rates(block: int) -> tuple[float, float]:
    """MB/s of both, each the best of three, in turn."""
    whole = stream(block)
    pieces = [whole[at : at + PIECE] for at in range(0, len(whole), PIECE)]
    measured = [(plain(pieces), canonical(pieces)) for _ in range(3)]
    return max(rate for rate, _ in measured), max(rate for _, rate in measured)


def main() -> None:
    """A row for each size of block."""
    print("| blocks of | BLAKE2b | canonical digest | ratio |\n|---|---|---|---|")
    for block in BLOCKS:
        best, ours = rates(block)
        print(f"| {block >> 10} KiB | {best:.0f} MB/s | {ours:.0f} MB/s | {ours / best:.2f} |")


if __name__ == "__main__":
    main()
