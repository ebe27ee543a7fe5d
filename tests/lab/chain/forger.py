"""Resume tokens as a hostile box could make them: any content, with a checksum that is right.

The format is that of get_receive_resume_token_impl in dsl_dataset.c: `1-CHECKSUM-SIZE-DATA`, in hexadecimal. DATA is a
list of names and values as `zoffsite.stream.nvlist` describes it, compressed by zlib; SIZE is its length before that,
CHECKSUM the first word of fletcher4 over the compressed bytes, which is the sum of their whole 32-bit words.
"""

from __future__ import annotations

import struct
import zlib

BOOLEAN, UINT64, STRING = 1, 8, 9
Value = int | str | bool
"""True is a flag that is there; one that is not there is left out."""


def forged(**contents: Value) -> str:
    """A token of these contents, such as toname, toguid, fromguid, object, offset, bytes, rawok."""
    packed = struct.pack("<BBHII", 0, 1, 0, 0, 1) + b"".join(map(_pair, contents, contents.values())) + bytes(4)
    data = zlib.compress(packed)
    words = struct.unpack_from(f"<{len(data) // 4}I", data)
    return f"1-{sum(words):x}-{len(packed):x}-{data.hex()}"


def _pair(name: str, value: Value) -> bytes:
    kind, count, encoded = _encoded(value)
    rest = _padded(name.encode() + b"\0") + _padded(encoded)
    return struct.pack("<IHHII", 16 + len(rest), len(name) + 1, 0, count, kind) + rest


def _encoded(value: Value) -> tuple[int, int, bytes]:
    if isinstance(value, bool):
        return BOOLEAN, 0, b""
    if isinstance(value, int):
        return UINT64, 1, struct.pack("<Q", value)
    return STRING, 1, value.encode() + b"\0"


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)
