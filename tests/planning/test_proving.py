from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.model.inventory import DatasetState, Inventory
from zoffsite.model.memory import Memory, Remembered
from zoffsite.model.proof import Challenge, Challenges, Proofs, Provable, StreamDigest, Unit
from zoffsite.model.snapshots import Snapshots
from zoffsite.planning.coverage import Coverage
from zoffsite.planning.proving import (
    KEPT,
    beyond_proof,
    difference,
    gone,
    provable,
    provable_by_challenge,
    survey,
    words_of,
)

from .blocks import LAST, Block, blocks, stream
from .make import REPLICA, replica, snap, source, there

NOW = datetime(2026, 11, 23, tzinfo=UTC)
OLD = NOW - timedelta(days=40)
SOME = st.sets(st.integers(1, LAST))


def by(proved: Mapping[Unit, datetime]) -> Coverage:
    return Coverage(Proofs(last=proved))


def streams(proved: Mapping[Unit, datetime] | None = None, *, box: tuple[int, ...] = (1, 2, 3)) -> tuple[Provable, ...]:
    """Those of a dataset with four snapshots, of which the box has some."""
    ours = source(*(snap(number) for number in (1, 2, 3, 4)))
    return provable(ours, replica(*(there(number) for number in box)), by(proved or {}), {})


def units(found: tuple[Provable, ...]) -> list[tuple[int, int]]:
    return [(each.unit[1], each.unit[2]) for each in found]


def challenge(base: int, left: int = 1) -> Challenge:
    answer = StreamDigest(digest="a" * 64, toguid=101 + base, fromguid=100 + base, bytes=5)
    return Challenge(number=base, nonce=b"n", answer=answer, left=left)


def digest(each: Provable, value: str = "a" * 64) -> StreamDigest:
    _, base, to = each.unit
    return StreamDigest(digest=value, toguid=to, fromguid=base, bytes=5)


def listing(state: DatasetState) -> Inventory:
    return Inventory(host="source", datasets={state.dataset.name: state})


def test_a_full_stream_of_the_oldest_and_every_increment_between_what_both_have() -> None:
    assert units(streams()) == [(0, 101), (101, 102), (102, 103)]
    assert units(streams(box=(1, 3))) == [(0, 101), (101, 103)]
    assert [each.newest for each in streams()] == [False, False, True]


@given(blocks(), SOME, SOME)
def test_every_block_of_every_snapshot_that_both_have_is_in_a_stream_that_is_proved(
    world: set[Block], ours: set[int], theirs: set[int]
) -> None:
    found = provable(
        source(*(snap(number) for number in sorted(ours))),
        replica(*(there(number) for number in sorted(theirs))),
        by({}),
        {},
    )
    proved = [stream(world, base and base - 100, to - 100) for base, to in units(found)]
    referred = [stream(world, 0, number) for number in ours & theirs]
    assert set[Block]().union(*proved) == set[Block]().union(*referred)


def test_each_end_is_asked_by_its_own_names() -> None:
    full, first, _ = streams()
    assert (first.ours.to, first.theirs.to) == (snap(2), there(2))
    assert (first.ours.base, first.theirs.base) == (snap(1), there(1))
    assert full.theirs.base is None


def test_without_a_snapshot_in_common_nothing_can_be_proved() -> None:
    assert streams(box=()) == ()
    assert streams(box=(9,)) == ()


def test_where_the_oldest_was_pruned_on_either_side_the_next_is_proved_by_what_was_proved_before() -> None:
    proved = {(REPLICA, 0, 101): NOW, (REPLICA, 101, 102): OLD}
    assert [each.proved for each in streams(proved)] == [NOW, OLD, None]
    assert [each.proved for each in streams(proved, box=(2, 3))] == [OLD, None]


def test_an_increment_wants_as_many_challenges_as_are_missing_whether_it_was_proved_or_not() -> None:
    kept = {(REPLICA, 101, 102): challenge(1, left=1), (REPLICA, 102, 103): challenge(2, left=KEPT)}
    ours = source(*(snap(number) for number in (1, 2, 3, 4)))
    box = replica(*(there(number) for number in (1, 2, 3, 4)))
    found = provable(ours, box, by({(REPLICA, 101, 102): NOW}), kept)
    assert [each.missing for each in found] == [0, KEPT - 1, 0, KEPT]
    assert [each.cost // each.size for each in found] == [1, KEPT, 1, KEPT + 1]


def test_equal_digests_of_the_planned_stream_prove_it_and_nothing_else_does() -> None:
    _, each, _ = streams()
    good = digest(each)
    assert difference(each, good, good) is None
    for bad in (digest(each, "b" * 64), replace(good, toguid=1), replace(good, fromguid=0)):
        found = difference(each, good, bad)
        assert found is not None
        assert found.code == "proof-failed"
        assert REPLICA in found.remedy
    assert difference(each, replace(good, bytes=7), good) is None


@pytest.mark.parametrize(("number", "said"), [(0, "in full"), (1, "on top of @")])
def test_a_stream_is_named_by_its_snapshots(number: int, said: str) -> None:
    assert said in words_of(streams()[number])


def test_an_increment_that_the_source_has_no_more_is_proved_by_a_challenge_where_one_is_left() -> None:
    box = replica(*(there(number) for number in (1, 2, 3, 4)))
    left = {(REPLICA, 100 + base, 101 + base): challenge(base) for base in (1, 2, 3)}
    found = provable_by_challenge(source(snap(3), snap(4)), box, by({(REPLICA, 101, 102): OLD}), left)
    assert units(found) == [(101, 102), (102, 103)]
    assert [(each.proved, each.theirs.base) for each in found] == [(OLD, there(1)), (None, there(2))]
    (first, _) = found
    assert first.challenge is not None
    assert difference(first, first.challenge.answer, digest(first)) is None
    assert difference(first, first.challenge.answer, digest(first, "b" * 64)) is not None
    assert provable_by_challenge(source(snap(4)), box, by({}), {}) == ()


def test_what_only_the_box_can_make_and_no_challenge_is_left_for_is_counted() -> None:
    left = {(REPLICA, 101, 102): challenge(1)}

    def count(*ours: int, challenges: Challenges, box: tuple[int, ...] = (1, 2, 3, 4)) -> int:
        here, held = (Snapshots.of(snap(each) for each in numbers) for numbers in (ours, box))
        return beyond_proof(REPLICA, here, held, challenges)

    assert count(1, 2, 3, 4, challenges={}) == 0
    assert count(1, 4, challenges=left) == len(("2 to 3", "3 to 4"))
    assert count(3, 4, challenges=left) == len(("1 in full", "2 to 3"))
    assert count(3, 4, challenges=left, box=()) == 0


def test_what_was_destroyed_on_the_source_is_proved_by_its_challenges_and_the_rest_of_it_counted() -> None:
    box = replica(there(1), there(2), there(3), encryption="off")  # whatever it says of itself
    known = Memory(replicas={REPLICA: Remembered(dataset="tank/home/child", replica=REPLICA, dataset_guid=7)})
    lost = gone(known, listing(source()), {REPLICA: box}, ())
    left = {(REPLICA, 102, 103): challenge(2)}
    seen = survey([(source(snap(4)), None)], by({}), left, lost)
    assert [(each.dataset, each.unit) for each in seen.streams] == [("tank/home/child", (REPLICA, 102, 103))]
    assert seen.beyond == {"tank/home/child": len(("1 in full", "1 to 2"))}
    assert seen.unprovable == ("tank/home",)


def test_what_the_source_has_under_another_name_or_has_made_anew_and_what_the_box_has_not_is_not_gone() -> None:
    known = Memory(replicas={REPLICA: Remembered(dataset="tank/home", replica=REPLICA, dataset_guid=7)})
    there = {REPLICA: replica()}
    assert len(gone(known, listing(source()), there, ())) == 1
    assert gone(known, listing(source(guid=7, name="tank/house")), there, ()) == ()
    assert gone(known, listing(source()), there, {REPLICA}) == ()
    assert gone(known, listing(source()), {}, ()) == ()


def test_only_an_encrypted_dataset_can_lack_a_shared_snapshot() -> None:
    box = replica(there(1), there(2))
    pairs = [
        (source(snap(2)), box),
        (source(name="tank/plain", encryption="off"), None),
        (source(name="tank/new"), None),
        (source(name="tank/apart"), box),
    ]
    seen = survey(pairs, by({}), {})
    assert units(seen.streams) == [(0, 102)]
    assert seen.unprovable == ("tank/new", "tank/apart")
    assert seen.beyond == {"tank/home": 2, "tank/apart": 2}
