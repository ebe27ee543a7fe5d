#!/usr/bin/python3 -I
"""The canonical digest of a raw send stream: the same on both ends, whoever sends, if both hold the same data.

A stream is records of 312 bytes (dmu_replay_record, zfs_ioctl.h), each with a payload of the length that it says. What
bears data is digested as it stands. What only tells how this end keeps it, or came to it, is left out: see
docs/reference/proof.md. The key of the digest is a nonce, so that nobody can know the answer beforehand.

    digest NONCE [RATE [tell]] < STREAM  one line of JSON; exit code 65 where it is no whole, plain, raw stream

With a RATE it reads no more than so many bytes per second, so that the disk has time for others; 0 is no limit. With
`tell` it says how many bytes it has read, every second, in lines before that one: {"bytes": 123}

Standard library only, Python 3.9 or newer, one file: it is copied to the box as it is. Nothing of a stream is kept in
memory but the piece that is being looked at, whatever lengths it claims.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
import sys
import time
from typing import NamedTuple

RECORD = 312
MAGIC = 0x2F5BACBAC
RAW = 1 << 24
PLAIN = 1
LONGEST = 32 << 20
"""Bytes of a payload: ZFS has blocks of at most 16 MiB."""
LONGEST_OF_BEGIN = 16_384
"""Bytes of the payload of a BEGIN: the wrapped key, about 1,100."""
PIECE = 256 << 10
"""Bytes that are read at a time: a copy of them stays in the cache of a core until it is digested."""
NONCE = 32
"""Bytes of a nonce."""
TELL_EVERY = 1.0
"""Seconds between two lines that say how far it is."""

BEGIN, OBJECT, FREEOBJECTS, WRITE, FREE, END, WRITE_BYREF, SPILL, WRITE_EMBEDDED, OBJECT_RANGE = range(10)
FREES = (FREE, FREEOBJECTS)

_BEGIN = struct.Struct("<IIQQQIIQQ256s")
_RECORD = struct.Struct("<I24xIQ10x6s40xQ176s")
"""Its type; the length of an OBJECT; the logical size of a WRITE, whose upper half is the raw length of an OBJECT; what
is kept of a WRITE's bytes 48-95, its compressed size, and what is kept after that."""
_TWO = struct.Struct("<I308xI28xQ10x6s40xQ176s")
"""The type of a record that has no payload, and of the one behind it what a WRITE has."""
_WRITE_REST = struct.Struct("<2x6s40xQ176s32x")
"""A WRITE from byte 48 on. `x` packs a zero: 48, 49, 56-95 and the checksum are blanked by writing back the rest."""
_ZERO32 = struct.Struct("32x")
_SPILL = struct.Struct("<16xQ16xQ")
_EMBEDDED = struct.Struct("<52xI")


class MalformedStreamError(ValueError):
    """This is no whole, plain, raw stream; says why."""


class Digested(NamedTuple):
    """What a whole stream came to: 64 hex digits, of which snapshot on top of which (0: full), how long it was."""

    digest: str
    toguid: int
    fromguid: int
    bytes: int
    records: int


class StreamDigest:
    """Takes a stream in pieces of any size. Raises MalformedStreamError as soon as it can be no stream."""

    def __init__(self, nonce: bytes) -> None:
        self._hash = hashlib.blake2b(key=nonce, digest_size=32, person=b"zoffsite-proof-1")
        self._rest = bytearray()
        self._owed = 0
        self._left_out = 0
        self._guids = (0, 0)
        self._bytes = 0
        self._records = 0
        self._ended = False

    def update(self, piece: bytes) -> None:
        """The next piece of the stream."""
        self._bytes += len(piece)
        view = memoryview(piece)
        paid = view[: self._owed]  # nothing in a payload is blanked, so that it need not be copied
        self._hash.update(paid[self._left_out :])
        self._owed -= len(paid)
        self._left_out = max(0, self._left_out - len(paid))
        data = self._rest + view[len(paid) :]
        done = self._walk(data)
        self._rest = data[done:]

    def finish(self) -> Digested:
        """What it came to, once all of it was given."""
        if not self._ended or self._owed:
            raise MalformedStreamError("it ends before its end record")
        return Digested(self._hash.hexdigest(), *self._guids, self._bytes, self._records)

    def _walk(self, data: bytearray) -> int:
        """Blank in `data` what is left out, digest the rest, and say up to where it was understood.

        A small file is an OBJECT, a FREE and a WRITE, and each call of Python costs as much as the digest of some dozen
        bytes. So there are few: two calls read these three, two blank in them, and what stays is digested in stretches.
        """
        view, size, digest = memoryview(data), len(data), self._hash.update
        read, read_two, write_back = _RECORD.unpack_from, _TWO.unpack_from, _WRITE_REST.pack_into
        at, start, records = 0, 0, self._records
        if not records and size >= RECORD:
            at = start = self._begin(data)
            records = 1
        last = size - RECORD if records and not self._ended else -1
        while at <= last:
            kind, bonus, logical, kept, compressed, more = read(data, at)
            records += 1
            if kind == OBJECT:
                length = logical >> 32 or _padded(bonus)
                if length > LONGEST:
                    raise _too_long(length)
                _ZERO32.pack_into(data, at + 280)
                at += RECORD + length
                if at + RECORD > last:
                    continue
                # ZFS frees what is behind the end of each file, right after its OBJECT
                after, kind, logical, kept, compressed, more = read_two(data, at)
                if after != FREE or kind != WRITE:
                    continue
                digest(view[start:at])
                at = start = at + RECORD
                records += 2
            if kind == WRITE:
                length = compressed or logical
                write_back(data, at + 48, kept, compressed, more)
            elif kind in FREES:
                digest(view[start:at])
                at = start = at + RECORD
                continue
            else:
                length = self._uncommon(kind, data, at)
                last = at if self._ended else last
            if length > LONGEST:
                raise _too_long(length)
            at += RECORD + length
        digest(view[start:at])
        self._records = records
        if at > size:
            self._owed, self._left_out = at - size, max(0, start - size)
        if self._ended and at < size:
            raise MalformedStreamError("something follows its end record")
        return min(at, size)

    def _begin(self, data: bytearray) -> int:
        """Digest type, creation and guids of the snapshot; leave out features, flags, its name, the wrapped key.

        Says how long the record is together with its payload.
        """
        kind, payload, magic, version, creation, objset, _flags, to, base, name = _BEGIN.unpack_from(data)
        if kind != BEGIN:
            raise _no_begin()
        if magic != MAGIC or b"\0" not in name:
            raise MalformedStreamError("its first bytes are not those of a zfs stream")
        if version & 3 != PLAIN or not version >> 2 & RAW:
            raise MalformedStreamError("it is not plain, or not raw")
        if payload > LONGEST_OF_BEGIN:
            raise _too_long(payload)
        self._hash.update(_BEGIN.pack(kind, 0, magic, 0, creation, objset, 0, to, base, b""))
        self._guids = (to, base)
        return RECORD + int(payload)

    def _uncommon(self, kind: int, data: bytearray, at: int) -> int:
        """Blank the checksum of a record of which there are few in a stream, and say how long its payload is."""
        _ZERO32.pack_into(data, at + 280)
        if kind == SPILL:
            length, compressed = _SPILL.unpack_from(data, at)
            return compressed or _padded(length)
        if kind == WRITE_EMBEDDED:
            return _padded(_EMBEDDED.unpack_from(data, at)[0])
        if kind == END:
            _ZERO32.pack_into(data, at + 8)
            self._ended = True
        elif kind == BEGIN:
            raise _no_begin()
        elif kind != OBJECT_RANGE:
            raise MalformedStreamError(f"a record of type {kind} has no place in a plain raw stream")
        return 0


def _no_begin() -> MalformedStreamError:
    return MalformedStreamError("it does not begin with one begin record")


def _too_long(size: int) -> MalformedStreamError:
    return MalformedStreamError(f"a record claims {size} bytes of payload")


def _padded(size: int) -> int:
    return (size + 7) // 8 * 8


def main() -> int:
    """Digest what comes on stdin."""
    words = re.fullmatch(f"([0-9a-f]{{{2 * NONCE}}})(?: ([0-9]{{1,15}})( tell)?)?", " ".join(sys.argv[1:]))
    if words is None:
        print(f"usage: digest NONCE [RATE [tell]]; a nonce has {2 * NONCE} hex digits", file=sys.stderr)
        return 64
    digest, rate = StreamDigest(bytes.fromhex(words[1])), int(words[2] or 0)
    began, taken = time.monotonic(), 0
    tell_at = began + TELL_EVERY if words[3] else math.inf
    try:
        while piece := sys.stdin.buffer.read(PIECE):
            digest.update(piece)
            taken += len(piece)
            if rate:
                time.sleep(max(0.0, taken / rate - (time.monotonic() - began)))
            if time.monotonic() >= tell_at:
                tell_at = time.monotonic() + TELL_EVERY
                print(json.dumps({"bytes": taken}), flush=True)
        found = digest.finish()
    except MalformedStreamError as error:
        print(f"zoffsite digest: {error}", file=sys.stderr)
        return 65
    tree = {**found._asdict(), "toguid": str(found.toguid), "fromguid": str(found.fromguid)}
    print(json.dumps(tree))
    return 0


if __name__ == "__main__":
    sys.exit(main())
