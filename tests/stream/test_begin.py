"""The first record of a stream."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.model.errors import SafetyError
from zoffsite.stream.begin import RECORD_SIZE, ExpectedBegin, check_begin, parse_begin

RAW = 1 << 24
EXPECTED = ExpectedBegin(toguid=2**64 - 1, fromguid=7)


def record(
    *,
    kind: int = 0,
    magic: int = 0x2F5BACBAC,
    header: int = 1,
    features: int = RAW | 0x4,
    toguid: int = 2**64 - 1,
    fromguid: int = 7,
    toname: bytes = b"tank/a@b",
    order: str = "<",
) -> bytes:
    return struct.pack(
        f"{order}IIQQQIIQQ256s", kind, 1028, magic, features << 2 | header, 0, 2, 0xC, toguid, fromguid, toname
    )


def code_of(first: bytes) -> str:
    with pytest.raises(SafetyError) as caught:
        check_begin(first, EXPECTED)
    assert not caught.value.transient
    return caught.value.code


def test_a_plain_raw_stream_of_the_announced_guids_may_leave() -> None:
    begin = check_begin(record(), EXPECTED)
    assert (begin.toguid, begin.fromguid, begin.toname) == (2**64 - 1, 7, "tank/a@b")
    assert (begin.raw, begin.compound, begin.features, begin.payload_length) == (True, False, RAW | 0x4, 1028)


def test_plaintext_may_not_leave_though_every_other_feature_is_set() -> None:
    assert code_of(record(features=(2**32 - 1) & ~RAW)) == "stream-not-raw"
    assert code_of(record(features=0)) == "stream-not-raw"


def test_a_compound_stream_may_not_leave_because_only_its_first_part_was_seen() -> None:
    assert code_of(record(header=2)) == "stream-compound"


@pytest.mark.parametrize(("toguid", "fromguid"), [(8, 7), (2**64 - 1, 0), (2**64 - 1, 8), (7, 2**64 - 1)])
def test_another_snapshot_or_another_base_may_not_leave(toguid: int, fromguid: int) -> None:
    assert code_of(record(toguid=toguid, fromguid=fromguid)) == "stream-unexpected-guid"


@pytest.mark.parametrize(
    "first",
    [
        b"",
        record()[:-1],
        record() + b"\0",
        record(kind=1),
        record(magic=1),
        record(header=0),
        record(header=3),
        record(toname=b"x" * 256),
        b"\0" * RECORD_SIZE,
        b"zfs: command not found\n" * 20,
    ],
)
def test_what_does_not_begin_like_a_stream_may_not_leave(first: bytes) -> None:
    assert code_of(first) == "stream-malformed"


def test_the_other_byte_order_is_refused_in_words() -> None:
    with pytest.raises(SafetyError, match="byte order"):
        parse_begin(record(order=">"))


@given(st.binary(max_size=RECORD_SIZE + 1) | st.binary(min_size=RECORD_SIZE, max_size=RECORD_SIZE))
def test_no_bytes_raise_anything_but_a_refusal(first: bytes) -> None:
    with pytest.raises(SafetyError):
        check_begin(first, EXPECTED)


@given(st.integers(0, RECORD_SIZE * 8 - 1))
def test_no_single_flipped_bit_of_what_matters_goes_unseen(bit: int) -> None:
    first = bytearray(record())
    first[bit // 8] ^= 1 << bit % 8
    try:
        begin = check_begin(bytes(first), EXPECTED)
    except SafetyError:
        return
    assert (begin.raw, begin.compound, begin.toguid, begin.fromguid) == (
        True,
        False,
        EXPECTED.toguid,
        EXPECTED.fromguid,
    )


@given(
    st.builds(
        record, features=st.integers(0, 2**62 - 1), header=st.sampled_from([1, 2]), toname=st.binary(max_size=255)
    )
)
def test_only_the_raw_bit_makes_a_stream_raw(first: bytes) -> None:
    begin = parse_begin(first)
    assert begin.raw == bool(begin.features >> 24 & 1)
