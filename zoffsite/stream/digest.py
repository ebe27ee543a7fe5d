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
PIECE = 1 << 20
NONCE = 32
"""Bytes of a nonce."""
TELL_EVERY = 1.0
"""Seconds between two lines that say how far it is."""

BEGIN, OBJECT, FREEOBJECTS, WRITE, FREE, END, WRITE_BYREF, SPILL, WRITE_EMBEDDED, OBJECT_RANGE = range(10)

_KIND = struct.Struct("<II")
_WRITE = struct.Struct("<I28xQ56xQ")
"""Its type, its logical and its compressed size."""
_BEGIN = struct.Struct("<IIQQQIIQQ")
_OBJECT = struct.Struct("<28xI4xI")
_SPILL = struct.Struct("<16xQ16xQ")
_EMBEDDED = struct.Struct("<52xI")
_ZERO2, _ZERO32, _ZERO40 = bytes(2), bytes(32), bytes(40)


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
        self._dropped = False
        self._guids = (0, 0)
        self._bytes = 0
        self._records = 0
        self._ended = False

    def update(self, piece: bytes) -> None:
        """The next piece of the stream."""
        self._bytes += len(piece)
        data = self._rest + piece
        done = self._walk(data)
        self._rest = data[done:]

    def finish(self) -> Digested:
        """What it came to, once all of it was given."""
        if not self._ended or self._owed or self._rest:
            raise MalformedStreamError("it ends before its end record")
        return Digested(self._hash.hexdigest(), *self._guids, self._bytes, self._records)

    def _walk(self, data: bytearray) -> int:
        """Blank in `data` what is left out, digest the rest, and say up to where it was understood.

        Whole stretches are digested at once: a call for every record would cost more than the digest itself.
        """
        view = memoryview(data)
        at = start = 0
        while True:
            taken = min(self._owed, len(data) - at)
            at += taken
            self._owed -= taken
            if self._dropped:
                start = at
            if self._owed or len(data) - at < RECORD:
                break
            self._dropped = False
            if self._ended:
                raise MalformedStreamError("something follows its end record")
            if self._records:
                at = self._writes(data, at)
                if len(data) - at < RECORD:
                    continue
            kind, payload = _KIND.unpack_from(data, at)
            self._records += 1
            self._hash.update(view[start:at])
            start = at
            if kind in (FREE, FREEOBJECTS) and self._records > 1:
                at += RECORD
                start = at
                continue
            self._uncommon(kind, payload, data, at)
            if kind == BEGIN:  # its payload is left out, and so ends the stretch
                start += RECORD
                self._hash.update(view[at:start])
            else:
                data[at + RECORD - 32 : at + RECORD] = _ZERO32
            if self._owed > LONGEST:
                raise _too_long(self._owed)
            at += RECORD
        self._hash.update(view[start:at])
        return at

    def _writes(self, data: bytearray, at: int) -> int:
        """Go over the WRITE records from `at` on, which are most of a stream; where the first other record begins.

        What of the last payload is not in `data` is owed.
        """
        last = len(data) - RECORD
        while at <= last:
            kind, logical, compressed = _WRITE.unpack_from(data, at)
            if kind != WRITE:
                break
            data[at + 48 : at + 50] = _ZERO2
            data[at + 56 : at + 96] = _ZERO40
            data[at + 280 : at + 312] = _ZERO32
            size = compressed or logical
            if size > LONGEST:
                raise _too_long(size)
            self._records += 1
            at += RECORD + size
        if at > len(data):
            self._owed = at - len(data)
            return len(data)
        return at

    def _uncommon(self, kind: int, payload: int, data: bytearray, at: int) -> None:
        """Every record but those that are most of a stream: its length, and what of it is left out."""
        if (kind == BEGIN) != (self._records == 1):
            raise MalformedStreamError("it does not begin with one begin record")
        if kind == BEGIN:
            self._begin(data, at)
            self._owed, self._dropped = payload, True
        elif kind == OBJECT:
            bonus, raw = _OBJECT.unpack_from(data, at)
            self._owed = raw or _padded(bonus)
        elif kind == SPILL:
            length, compressed = _SPILL.unpack_from(data, at)
            self._owed = compressed or _padded(length)
        elif kind == WRITE_EMBEDDED:
            self._owed = _padded(_EMBEDDED.unpack_from(data, at)[0])
        elif kind == END:
            data[at + 8 : at + 40] = _ZERO32
            self._ended = True
        elif kind != OBJECT_RANGE:
            raise MalformedStreamError(f"a record of type {kind} has no place in a plain raw stream")

    def _begin(self, data: bytearray, at: int) -> None:
        """Keep type, creation and guids of the snapshot; leave out features, flags, its name, the wrapped key."""
        kind, _payload, magic, version, creation, objset, _flags, to, base = _BEGIN.unpack_from(data, at)
        if magic != MAGIC:
            raise MalformedStreamError("its first bytes are not those of a zfs stream")
        if version & 3 != PLAIN or not version >> 2 & RAW:
            raise MalformedStreamError("it is not plain, or not raw")
        self._guids = (to, base)
        data[at : at + RECORD] = bytes(RECORD)
        _BEGIN.pack_into(data, at, kind, 0, magic, 0, creation, objset, 0, to, base)


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
