"""The first record of a send stream, and what it must say before its first byte may leave.

DRR_BEGIN of zfs_ioctl.h: 312 bytes in the byte order of the sender. This is the last of the lines that keep plaintext
at home: what `zfs send` was asked for, and what a token claims, is checked against what is really in the stream.
box/gate.py and stream/digest.py read it, too, and must come to the same verdict: tests/stream/test_one_verdict.py.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NoReturn

from zoffsite.model.errors import SafetyError

RECORD_SIZE = 312
LARGEST_PAYLOAD = 16_384
"""Bytes of a first record's payload; real ones have about 1,100."""

_MAGIC = 0x2F5BACBAC
_LAYOUT = struct.Struct("<IIQQQIIQQ256s")
_BEGIN = 0
_PLAIN, _COMPOUND = 1, 2
_RAW = 1 << 24
_SWAPPED_MAGIC = _MAGIC.to_bytes(8, "big")


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginRecord:
    """What a stream says of itself. `fromguid` is 0 for a full stream; `payload_length` bytes follow the record."""

    toguid: int
    fromguid: int
    toname: str
    compound: bool
    raw: bool
    features: int
    payload_length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedBegin:
    """The guids that the plan announced. A resumed stream carries those of the interrupted one."""

    toguid: int
    fromguid: int


def parse_begin(record: bytes) -> BeginRecord:
    """Read the first RECORD_SIZE bytes of a stream. Raises SafetyError "stream-malformed"."""
    if len(record) != RECORD_SIZE:
        _refuse("stream-malformed", f"it begins with {len(record)} bytes instead of a record of {RECORD_SIZE}")
    kind, payload, magic, version, _creation, _type, _flags, toguid, fromguid, toname = _LAYOUT.unpack_from(record)
    if record[8:16] == _SWAPPED_MAGIC:
        _refuse("stream-malformed", "it comes from a machine of the other byte order, which is not supported")
    if kind != _BEGIN or magic != _MAGIC or version & 3 not in (_PLAIN, _COMPOUND) or b"\0" not in toname:
        _refuse("stream-malformed", "its first bytes are not those of a zfs stream")
    if payload > LARGEST_PAYLOAD:
        _refuse("stream-malformed", f"its first record announces {payload} bytes, more than any that zfs makes")
    features = version >> 2
    return BeginRecord(
        toguid=toguid,
        fromguid=fromguid,
        toname=toname.split(b"\0", 1)[0].decode("utf-8", "replace"),
        compound=version & 3 == _COMPOUND,
        raw=bool(features & _RAW),
        features=features,
        payload_length=payload,
    )


def check_begin(record: bytes, expected: ExpectedBegin) -> BeginRecord:
    """The record, if its stream may leave: plain, raw, and of the announced guids.

    Raises SafetyError: "stream-malformed", "stream-compound", "stream-not-raw", "stream-unexpected-guid".
    """
    begin = parse_begin(record)
    if begin.compound:
        _refuse("stream-compound", "it wraps several streams, of which only the first could be checked")
    if not begin.raw:
        _refuse("stream-not-raw", "it is not raw: it would carry plaintext")
    if (begin.toguid, begin.fromguid) != (expected.toguid, expected.fromguid):
        _refuse(
            "stream-unexpected-guid",
            f"it brings guid {begin.toguid} on top of {begin.fromguid}, "
            f"but {expected.toguid} on top of {expected.fromguid} was planned",
        )
    return begin


def _refuse(code: str, problem: str) -> NoReturn:
    raise SafetyError(
        "check",
        "the stream of zfs send",
        problem,
        "nothing has left; look at the plan: zoffsite plan",
        code=code,
    )
