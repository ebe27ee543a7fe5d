"""Read a packed name/value list, as the first record of a stream carries it: strictly, and never beyond its end.

The native encoding of libnvpair (nvpair.c, `nvs_native`) in little-endian order: a header with the version and flags,
then the pairs, each with its own size, its name and its value, both padded to 8 bytes; a size of 0 ends the list. The
pairs of a list within the list follow that pair, with an end of their own.
"""

from __future__ import annotations

import struct
from typing import TypeAlias, Union

Value: TypeAlias = Union[int, bytes, "NvList"]
NvList: TypeAlias = dict[str, Value]
"""Numbers and lists are read; a value of any other type is its bytes as they stand."""

DEEPEST = 4
"""Lists within lists: real payloads have one."""

_HEADER = struct.Struct("<BBHII")
_KIND = (0, 1, 0, 0)
"""Native, little-endian, a reserved 0, version 0."""
_PAIR = struct.Struct("<IHHII")
_UINT64, _NVLIST, _UINT8_ARRAY = 8, 19, 26
_NVLIST_STRUCT = 24


class MalformedListError(ValueError):
    """The bytes are no packed list; says why."""


def read_nvlist(data: bytes) -> NvList:
    """The list that the whole of `data` is. Raises MalformedListError."""
    if len(data) < _HEADER.size or _HEADER.unpack_from(data)[:4] != _KIND:
        raise MalformedListError("it does not begin like a packed list of this byte order")
    found, end = _read_list(data, _HEADER.size, 0)
    if end != len(data):
        raise MalformedListError(f"{len(data) - end} bytes follow its end")
    return found


def _read_list(data: bytes, at: int, depth: int) -> tuple[NvList, int]:
    """The pairs from offset `at`, and the offset after their end."""
    if depth > DEEPEST:
        raise MalformedListError("lists are nested too deep")
    found: NvList = {}
    while int.from_bytes(_slice(data, at, 4), "little"):
        size, name_size, _reserved, count, kind = _PAIR.unpack(_slice(data, at, _PAIR.size))
        pair = _slice(data, at, size)
        at += size
        name, value = _split(pair, name_size)
        if name in found:
            raise MalformedListError(f"{name} is there twice")
        if kind == _NVLIST and len(value) == _NVLIST_STRUCT:
            found[name], at = _read_list(data, at, depth + 1)
        else:
            found[name] = _value(name, value, kind, count)
    return found, at + 4


def _split(pair: bytes, name_size: int) -> tuple[str, bytes]:
    """The name of a pair, and its value with the padding."""
    start = _padded(_PAIR.size + name_size)
    name = pair[_PAIR.size : _PAIR.size + name_size]
    if start > len(pair) or len(pair) % 8 or name_size < 2 or name.find(b"\0") != name_size - 1 or not name.isascii():
        raise MalformedListError("a pair's sizes do not fit each other")
    return name[:-1].decode("ascii"), pair[start:]


def _value(name: str, value: bytes, kind: int, count: int) -> Value:
    if kind == _UINT64:
        if (len(value), count) != (8, 1):
            raise MalformedListError(f"{name} is no number of 64 bits")
        return int.from_bytes(value, "little")
    if kind == _UINT8_ARRAY:
        if len(value) != _padded(count):
            raise MalformedListError(f"{name} has not the length that it says")
        return value[:count]
    return value


def _slice(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data) or (size and size < 4):
        raise MalformedListError("it ends in the middle")
    return data[at : at + size]


def _padded(size: int) -> int:
    return (size + 7) // 8 * 8
