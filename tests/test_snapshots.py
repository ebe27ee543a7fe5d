"""Snapshots in columns are a sequence like any other."""

from __future__ import annotations

import pickle
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.model.snapshots import BYTES, NO_SNAPSHOTS, Snapshots
from zoffsite.model.version import Snapshot

NUMBERS = st.integers(0, 2**64 - 1)
MANY = st.lists(
    st.builds(
        Snapshot,
        dataset=st.just("tank/a"),
        name=st.text("abc", min_size=1, max_size=3),
        guid=NUMBERS,
        createtxg=NUMBERS,
        creation=NUMBERS,
        written=NUMBERS,
        referenced=NUMBERS,
        holds=st.integers(0, 2**32 - 1),
        cloned=st.booleans(),
    ),
    max_size=8,
)


@given(MANY, st.slices(8), st.data())
def test_they_are_what_a_tuple_of_them_would_be(given: list[Snapshot], part: slice, data: st.DataObject) -> None:
    found = Snapshots.of(given)
    places = data.draw(st.lists(st.integers(0, len(given) - 1), max_size=8)) if given else []
    assert list(found) == [found[place] for place in range(len(found))] == given
    assert (len(found), bool(found), list(reversed(found))) == (len(given), bool(given), given[::-1])
    assert list(found[part]) == given[part]
    assert list(found.pick(places)) == [given[place] for place in places]
    assert [each in found for each in given] == [True] * len(given)
    assert pickle.loads(pickle.dumps(found)) == found


@given(MANY, MANY)
def test_they_are_equal_where_each_is_and_more_of_them_come_behind(one: list[Snapshot], other: list[Snapshot]) -> None:
    assert (Snapshots.of(one) == Snapshots.of(other)) == (one == other)
    assert list(Snapshots.of(one).plus(other)) == [*one, *other]
    assert hash(Snapshots.of(one)) == hash(Snapshots.of(tuple(one)))


@given(MANY, NUMBERS)
def test_one_is_found_by_guid_and_by_name_and_the_younger_ones_by_txg(given: list[Snapshot], txg: int) -> None:
    given = sorted(given, key=lambda each: each.createtxg)
    found = Snapshots.of(given)
    for each in given:
        assert found.find(each.guid) == next(other for other in given if other.guid == each.guid)
        assert found.named(each.name) == next(other for other in given if other.name == each.name)
    assert found.named("") is None
    assert NO_SNAPSHOTS.find(txg) is None
    assert list(found.after(txg)) == [each for each in given if each.createtxg > txg]


def test_snapshots_of_two_datasets_are_refused() -> None:
    one = Snapshot(dataset="tank/a", name="s", guid=1, createtxg=1, creation=1)
    other = replace(one, dataset="tank/b")
    with pytest.raises(ValueError, match="2 datasets"):
        Snapshots.of([one, other])
    with pytest.raises(ValueError, match="another dataset"):
        Snapshots.of([one]).plus([other])
    assert Snapshots.of([one]) != Snapshots.of([other])
    assert Snapshots.of([one])[:0] == Snapshots.of([other])[:0] == NO_SNAPSHOTS


def test_each_takes_as_little_memory_as_is_said() -> None:
    made = Snapshots.of(
        Snapshot(dataset="tank/a", name="s", guid=2**64 - n, createtxg=n, creation=10**9 + n) for n in range(1, 10_001)
    )
    tracemalloc.start()
    copy = made[:]
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(copy) == 10_000
    assert kept < 10_000 * BYTES + 2_000
