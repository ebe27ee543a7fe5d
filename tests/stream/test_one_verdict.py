"""The first record is read by three programs, each one file that runs alone: they must take the same streams."""

from __future__ import annotations

import struct

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from bench.digest import record
from zoffsite.box import gate
from zoffsite.model.errors import SafetyError
from zoffsite.stream import begin
from zoffsite.stream.digest import END, RAW, MalformedStreamError, StreamDigest

MAGIC = 0x2F5BACBAC
TO, BASE = 2**64 - 1, 7
LARGEST = 16_384
PLAIN_AND_RAW = RAW << 2 | 1


def first(
    *,
    kind: int = 0,
    payload: int = 1028,
    magic: int = MAGIC,
    version: int = PLAIN_AND_RAW,
    flags: int = 0xC,
    to: int = TO,
    base: int = BASE,
    name: bytes = b"tank/a@b",
) -> bytes:
    """A first record; without a word, one that all must take."""
    return struct.pack("<IIQQQIIQQ256s", kind, payload, magic, version, 99, 2, flags, to, base, name)


def near(*usual: int, bits: int) -> st.SearchStrategy[int]:
    """What is usual, what is beside it, and anything."""
    beside = [(value + step) % 2**bits for value in usual for step in (-1, 0, 1)]
    return st.sampled_from(beside) | st.integers(0, 2**bits - 1)


HONEST = first()
FIELDS: dict[str, st.SearchStrategy[int | bytes]] = {
    "kind": near(0, bits=32),
    "payload": near(0, 1028, LARGEST, 32 << 20, bits=32),
    "magic": near(MAGIC, int.from_bytes(MAGIC.to_bytes(8, "little"), "big"), bits=64),
    "version": near(PLAIN_AND_RAW, bits=64),
    "flags": near(0, bits=32),
    "to": near(TO, BASE, bits=64),
    "base": near(BASE, 0, bits=64),
    "name": st.binary(max_size=256) | st.just(b"x" * 256),
}
RECORDS = (
    st.sets(st.sampled_from(sorted(FIELDS)), max_size=3)
    .flatmap(lambda names: st.fixed_dictionaries({name: FIELDS[name] for name in names}))
    .map(lambda changed: first(**changed))  # type: ignore[arg-type] # each of its own type
)
FLIPPED = st.integers(0, len(HONEST) * 8 - 1).map(
    lambda bit: (int.from_bytes(HONEST, "little") ^ 1 << bit).to_bytes(len(HONEST), "little")
)


def may_leave(head: bytes) -> bool:
    """What the source decides, before a byte leaves."""
    try:
        begin.check_begin(head, begin.ExpectedBegin(toguid=TO, fromguid=BASE))
    except SafetyError:
        return False
    return True


def may_enter(head: bytes) -> bool:
    """What the gate of the box decides, before `zfs receive` sees a byte."""
    try:
        gate.check_begin(head, TO, BASE)
    except gate.RefusedError:
        return False
    return True


def has_a_digest(head: bytes) -> bool:
    """Whether the shortest stream with this record in front has one, and of the announced snapshots."""
    taken = StreamDigest(bytes(32))
    try:
        taken.update(head)
        taken.update(bytes(int.from_bytes(head[4:8], "little")) + record(END))
    except MalformedStreamError:
        return False
    found = taken.finish()
    return (found.toguid, found.fromguid) == (TO, BASE)


def verdicts(head: bytes) -> dict[str, bool]:
    return {"source": may_leave(head), "gate": may_enter(head), "digest": has_a_digest(head)}


def test_an_honest_record_is_taken_by_all_three() -> None:
    assert set(verdicts(HONEST).values()) == {True}


@given(RECORDS | FLIPPED | st.binary(min_size=len(HONEST), max_size=len(HONEST)))
@example(first(payload=LARGEST))
@example(first(payload=LARGEST + 1))
@example(first(name=b"x" * 256))
def test_what_one_of_the_three_refuses_all_refuse(head: bytes) -> None:
    said = verdicts(head)
    event(f"taken: {said['source']}")
    assert len(set(said.values())) == 1, said


@pytest.mark.parametrize("header", range(4))
def test_only_a_plain_header_with_the_raw_bit_is_taken_by_all_three(header: int) -> None:
    for bit in range(62):
        said = verdicts(first(version=1 << bit + 2 | header))
        assert set(said.values()) == {header == 1 and 1 << bit == RAW}, (bit, said)
