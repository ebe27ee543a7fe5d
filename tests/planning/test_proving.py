from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.model.proof import Challenge, ProofOutcome, ProofPlan, ProofResult, Provable, StreamDigest, Unit
from zoffsite.planning.proving import (
    choose,
    difference,
    provable,
    provable_by_challenge,
    wants_challenges,
    words_of,
)

from .make import REPLICA, replica, snap, source, there

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SINCE = NOW - timedelta(days=30)
FRESH, OLD = NOW - timedelta(days=1), NOW - timedelta(days=40)


def streams(proved: Mapping[Unit, datetime] | None = None, *, box: tuple[int, ...] = (1, 2, 3)) -> tuple[Provable, ...]:
    """Those of a dataset with four snapshots, of which the box has some."""
    ours = source(*(snap(number) for number in (1, 2, 3, 4)))
    return provable(ours, replica(*(there(number) for number in box)), proved or {}, SINCE)


def units(found: tuple[Provable, ...]) -> list[tuple[int, int]]:
    return [(each.unit[1], each.unit[2]) for each in found]


def chosen(found: tuple[Provable, ...], at_most: int | None = None, seed: int = 1) -> ProofPlan:
    return choose("home", found, SINCE, at_most, (), Random(seed))


def digest(each: Provable, value: str = "a" * 64) -> StreamDigest:
    _, base, to = each.unit
    return StreamDigest(digest=value, toguid=to, fromguid=base, bytes=5)


def test_a_full_stream_of_the_newest_and_every_increment_between_what_both_have() -> None:
    assert units(streams()) == [(0, 103), (101, 102), (102, 103)]
    assert units(streams(box=(1, 3))) == [(0, 103), (101, 103)]


def test_each_end_is_asked_by_its_own_names() -> None:
    full, first, _ = streams()
    assert (first.ours.to, first.theirs.to) == (snap(2), there(2))
    assert (first.ours.base, first.theirs.base) == (snap(1), there(1))
    assert full.theirs.base is None


def test_without_a_snapshot_in_common_nothing_can_be_proved() -> None:
    assert streams(box=()) == ()
    assert streams(box=(9,)) == ()


def test_a_full_proof_counts_as_long_as_its_snapshot_is_there() -> None:
    assert units(streams({(REPLICA, 0, 101): FRESH}))[0] == (0, 101)
    assert units(streams({(REPLICA, 0, 101): OLD}))[0] == (0, 103)
    assert units(streams({(REPLICA, 0, 101): FRESH}, box=(2, 3)))[0] == (0, 103)


def test_what_was_proved_lately_is_not_proved_again() -> None:
    plan = chosen(streams({(REPLICA, 0, 103): FRESH, (REPLICA, 101, 102): OLD}))
    assert units(plan.chosen) == [(102, 103), (101, 102)]
    assert (plan.fresh, plan.later) == (1, 0)


def test_the_newest_comes_first_then_the_never_proved_then_the_oldest_proof() -> None:
    older = {(REPLICA, 101, 102): OLD, (REPLICA, 102, 103): OLD - timedelta(days=1)}
    assert units(chosen(streams(older)).chosen) == [(0, 103), (102, 103), (101, 102)]


def test_nobody_can_foresee_the_order_of_what_was_never_proved() -> None:
    many = provable(
        source(*(snap(number) for number in range(1, 9))),
        replica(*(there(number) for number in range(1, 9))),
        {},
        SINCE,
    )
    assert len({tuple(units(chosen(many, seed=seed).chosen)) for seed in range(20)}) > 10


def test_a_run_reads_no_more_than_it_may_but_one_stream_at_least() -> None:
    found = streams()
    few = chosen(found, at_most=1)
    assert (len(few.chosen), few.later) == (1, 2)
    assert sum(each.size for each in chosen(found, at_most=10**6).chosen) <= 10**6


@given(st.integers(0, 5000), st.integers(0, 1000))
def test_run_after_run_everything_is_proved(at_most: int, seed: int) -> None:
    proved: dict[Unit, datetime] = {}
    for _ in range(4):
        plan = chosen(streams(proved), at_most, seed)
        proved |= {each.unit: NOW for each in plan.chosen}
    assert chosen(streams(proved)).chosen == ()


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
    left = {
        (REPLICA, 100 + base, 101 + base): Challenge(
            number=base,
            nonce=b"n",
            answer=StreamDigest(digest="a" * 64, toguid=101 + base, fromguid=100 + base, bytes=5),
        )
        for base in (1, 2, 3)
    }
    found = provable_by_challenge(source(snap(3), snap(4)), box, {(REPLICA, 101, 102): OLD}, left)
    assert units(found) == [(101, 102), (102, 103)]
    assert [(each.proved, each.theirs.base) for each in found] == [(OLD, there(1)), (None, there(2))]
    (first, _) = found
    assert first.challenge is not None
    assert difference(first, first.challenge.answer, digest(first)) is None
    assert difference(first, first.challenge.answer, digest(first, "b" * 64)) is not None
    assert provable_by_challenge(source(snap(4)), box, {}, {}) == ()


def test_challenges_are_made_of_increments_that_are_proved_for_the_first_time() -> None:
    full, increment, _ = streams()
    again = replace(increment, proved=OLD)

    def wanted(each: Provable, state: ProofResult = ProofResult.PROVED) -> bool:
        return wants_challenges(ProofOutcome(provable=each, state=state, when=NOW))

    assert wanted(increment)
    assert not any(map(wanted, (full, again)))
    assert not wanted(increment, ProofResult.DIFFERENT)
