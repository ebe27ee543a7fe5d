"""The wrapped key in a stream's first record, by payloads of real streams.

`payloads/` holds those of a throw-away tree, by OpenZFS version: a parent, a child that inherits its key, a child with
a key of its own, a volume; before and after `zfs change-key` of the parent.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.box.gate import MalformedListError, read_nvlist
from zoffsite.model.errors import SafetyError
from zoffsite.stream.keys import key_fingerprint

PAYLOADS = Path(__file__).parent / "payloads"
ENDS = bytes(4)


def payload(name: str) -> bytes:
    return (PAYLOADS / f"{name}.bin").read_bytes()


def key_of(version: str, name: str) -> str:
    return key_fingerprint(payload(f"{version}-{name}"))


@pytest.fixture(params=["2.1", "2.3"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_all_streams_of_one_key_have_one_fingerprint(version: str) -> None:
    assert len({key_of(version, name) for name in ("full", "incremental", "from-bookmark")}) == 1
    assert key_of(version, "child-full") == key_of(version, "child-resume")
    assert key_of(version, "own-full") == key_of(version, "own-resume")
    assert key_of(version, "volume-full") == key_of(version, "volume-from-replica")


def test_every_dataset_has_a_key_of_its_own_even_where_it_inherits(version: str) -> None:
    assert len({key_of(version, name) for name in ("full", "child-full", "own-full", "volume-full")}) == 4


def test_change_key_gives_another_fingerprint_to_old_and_new_snapshots_and_to_what_is_resumed(version: str) -> None:
    assert key_of(version, "full") != key_of(version, "full-changed")
    assert key_of(version, "full-changed") == key_of(version, "incremental-changed")
    assert key_of(version, "child-full") != key_of(version, "child-full-changed")
    assert key_of(version, "child-full-changed") == key_of(version, "child-resume-changed")


def test_a_child_with_a_key_of_its_own_does_not_change_with_its_parent(version: str) -> None:
    assert key_of(version, "own-full") == key_of(version, "own-parent-changed")


def test_a_fingerprint_says_nothing_of_the_key_but_its_hash(version: str) -> None:
    fingerprint = key_of(version, "full")
    assert len(fingerprint) == 64
    assert int(fingerprint, 16)


KEY = (
    *("DSL_CRYPTO_SUITE", "DSL_CRYPTO_GUID", "DSL_CRYPTO_VERSION", "DSL_CRYPTO_MASTER_KEY_1", "DSL_CRYPTO_HMAC_KEY_1"),
    *("DSL_CRYPTO_IV", "DSL_CRYPTO_MAC", "keyformat", "pbkdf2iters", "pbkdf2salt"),
)
SNAPSHOT = ("portable_mac", "to_ivset_guid", "from_ivset_guid", "mdn_maxblkid", "mdn_nblkptr")


def with_bit_flipped_in(name: str) -> bytes:
    """The payload with one bit of this field's value changed."""
    data = bytearray(payload("2.3-incremental"))
    named = data.index(name.encode() + b"\0")
    data[(named + len(name) + 1 + 7 - 4) // 8 * 8 + 4] ^= 1  # values begin at 8 bytes after the header of 12
    return bytes(data)


@pytest.mark.parametrize("name", KEY)
def test_every_part_of_the_wrapped_key_counts(name: str) -> None:
    assert key_fingerprint(with_bit_flipped_in(name)) != key_of("2.3", "incremental")


@pytest.mark.parametrize("name", SNAPSHOT)
def test_nothing_that_belongs_to_the_snapshot_counts(name: str) -> None:
    changed = with_bit_flipped_in(name)
    assert read_nvlist(changed) != read_nvlist(payload("2.3-incremental"))
    assert key_fingerprint(changed) == key_of("2.3", "incremental")


@pytest.mark.parametrize("name", KEY)
def test_a_key_without_one_of_its_parts_is_refused(name: str) -> None:
    with pytest.raises(SafetyError) as caught:
        key_fingerprint(payload("2.3-full").replace(name.encode(), b"x" * len(name)))
    assert caught.value.code == "stream-malformed"


def packed(*pairs: bytes) -> bytes:
    return bytes((0, 1, 0, 0)) + struct.pack("<II", 0, 1) + b"".join(pairs) + ENDS


def pair(name: bytes, kind: int, value: bytes, *, count: int = 1, name_size: int | None = None, size: int = 0) -> bytes:
    head = name + b"\0" + bytes(-(len(name) + 1) % 8)
    size = size or 16 + len(head) + len(value)
    name_size = len(name) + 1 if name_size is None else name_size
    return struct.pack("<IHHII", size, name_size, 0, count, kind) + head + value


NUMBER = pair(b"n", 8, (7).to_bytes(8, "little"))


def test_a_list_is_read_with_its_lists_within() -> None:
    inner = pair(b"inner", 19, bytes(24)) + NUMBER + ENDS
    data = packed(inner, pair(b"bytes", 26, b"abc" + bytes(5), count=3), pair(b"text", 9, b"hi" + bytes(6)), NUMBER)
    expected = {"inner": {"n": 7}, "bytes": b"abc", "text": b"hi" + bytes(6), "n": 7}
    assert read_nvlist(data) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(12),
        packed(NUMBER)[:-1],
        packed(NUMBER) + b"\0",
        packed(NUMBER, NUMBER),
        packed(pair(b"n", 8, bytes(16))),
        packed(pair(b"n", 8, bytes(8), count=2)),
        packed(pair(b"n", 26, bytes(8), count=9)),
        packed(pair(b"n", 8, bytes(8), name_size=200)),
        packed(pair(b"n", 8, bytes(8), name_size=0)),
        packed(pair(b"n", 8, bytes(8), name_size=1)),
        packed(pair(b"\xff", 8, bytes(8))),
        packed(pair(b"n", 8, bytes(8), size=2**32 - 8)),
        packed(pair(b"n", 8, bytes(8), size=2)),
        packed(pair(b"n", 8, bytes(8), size=8)),
        packed(pair(b"a", 19, bytes(24)), NUMBER),
        bytes((1, 1, 0, 0)) + packed(NUMBER)[4:],
        bytes((0, 0, 0, 0)) + packed(NUMBER)[4:],
    ],
)
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedListError):
        read_nvlist(data)


def test_lists_within_lists_without_end_are_refused() -> None:
    with pytest.raises(MalformedListError, match="nested"):
        read_nvlist(packed(pair(b"a", 19, bytes(24)) * 10_000))


@given(data=st.binary(max_size=200))
def test_no_bytes_at_all_bring_the_reader_down(data: bytes) -> None:
    with pytest.raises(MalformedListError):
        read_nvlist(data)


@given(at=st.integers(0, 1027), bit=st.integers(0, 7), end=st.integers(0, 1028))
def test_no_damage_to_a_real_payload_brings_the_fingerprint_down(at: int, bit: int, end: int) -> None:
    data = bytearray(payload("2.1-full"))
    data[at] ^= 1 << bit
    for broken in (bytes(data), bytes(data[:end])):
        try:
            key_fingerprint(broken)
        except SafetyError as error:
            assert error.code == "stream-malformed"
