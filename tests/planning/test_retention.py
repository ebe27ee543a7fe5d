"""What pruning keeps, and what it never touches."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Retention
from zoffsite.model.plan import PrunePlan, Side
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.version import Snapshot
from zoffsite.planning.retention import plan_both_prunes, plan_prune

from .make import JOB, job, mark, replica, snap, source, there

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(text: str, number: int, **changes: object) -> Snapshot:
    made = snap(number, name=f"s{number}", creation=int(datetime.fromisoformat(f"{text}+00:00").timestamp()))
    return replace(made, **changes)  # type: ignore[arg-type]


def prune(state: DatasetState, retention: Retention, protected: dict[int, str] | None = None) -> PrunePlan:
    return plan_prune(Side.BOX, state, retention, NOW, protected or {}, lambda name: name.startswith("s"))


def kept(plan: PrunePlan) -> dict[str, tuple[str, ...]]:
    return {keep.snapshot.name: keep.reasons for keep in plan.keep}


DAYS = source(
    at("2026-10-31T23:59:59", 1),
    at("2026-11-01T00:00:00", 2),
    at("2026-11-20T08:00:00", 3),
    at("2026-11-22T09:10:00", 4),
    at("2026-11-22T09:50:00", 5),
    at("2026-11-22T11:00:00", 6),
)


def test_no_rule_means_no_pruning() -> None:
    plan = prune(DAYS, Retention())
    assert not plan.destroy
    assert len(plan.keep) == 6
    assert kept(plan)["s1"] == ("no rule",)


def test_last_counts_from_the_newest() -> None:
    plan = prune(DAYS, Retention(last=2))
    assert kept(plan) == {"s5": ("last 2: 2",), "s6": ("newest", "last 2: 1")}
    assert [s.name for s in plan.destroy] == ["s1", "s2", "s3", "s4"]


def test_of_each_hour_day_month_the_newest_is_kept_in_utc() -> None:
    assert kept(prune(DAYS, Retention(hourly=2))) == {
        "s5": ("hourly 2026-11-22 09:00",),
        "s6": ("newest", "hourly 2026-11-22 11:00"),
    }
    assert kept(prune(DAYS, Retention(daily=3))) == {
        "s2": ("daily 2026-11-01",),
        "s3": ("daily 2026-11-20",),
        "s6": ("newest", "daily 2026-11-22"),
    }
    assert kept(prune(DAYS, Retention(monthly=9))) == {
        "s1": ("monthly 2026-10",),
        "s6": ("newest", "monthly 2026-11"),
    }


def test_weeks_are_iso_weeks_and_years_are_years() -> None:
    state = source(at("2024-12-30T00:00:00", 1), at("2025-01-05T00:00:00", 2), at("2025-01-06T00:00:00", 3))
    assert kept(prune(state, Retention(weekly=3)))["s2"] == ("weekly 2025-W01",)
    assert [s.name for s in prune(state, Retention(weekly=3)).destroy] == ["s1"]
    assert kept(prune(state, Retention(yearly=2)))["s1"] == ("yearly 2024",)


def test_days_are_utc_days_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert "s2" in kept(prune(DAYS, Retention(monthly=1, daily=3)))
        assert kept(prune(DAYS, Retention(monthly=2)))["s1"] == ("monthly 2026-10",)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_within_keeps_everything_that_young_to_the_second() -> None:
    state = source(at("2026-11-20T11:59:59", 1), at("2026-11-20T12:00:00", 2), at("2026-11-22T12:00:00", 3))
    plan = prune(state, Retention(within=timedelta(days=2)))
    assert kept(plan) == {"s2": ("within 2 days",), "s3": ("newest", "within 2 days")}


def test_every_reason_is_kept() -> None:
    plan = prune(DAYS, Retention(last=1, daily=1, monthly=1))
    assert kept(plan) == {"s6": ("newest", "last 1: 1", "daily 2026-11-22", "monthly 2026-11")}


def test_what_a_clone_began_as_is_kept_on_either_side_because_zfs_cannot_destroy_it() -> None:
    here = source(snap(1, cloned=True), snap(2), snap(3))
    box = replica(there(1), there(2, cloned=True), there(3))
    on_source, on_box = plan_both_prunes(job(keep_source=Retention(last=1), keep_box=Retention(last=1)), here, box, NOW)
    assert [kept.reasons for kept in on_source.keep if kept.snapshot == snap(1, cloned=True)] == [("cloned",)]
    assert list(on_source.destroy) == [snap(2)]
    assert list(on_box.destroy) == [there(1)]


def test_a_held_a_protected_and_a_foreign_snapshot_are_never_destroyed() -> None:
    state = source(at("2026-11-01T00:00:00", 1, holds=1), at("2026-11-02T00:00:00", 2), at("2026-11-03T00:00:00", 3))
    state = replace(state, snapshots=Snapshots.of([snap(0, name="foreign"), *state.snapshots]))
    plan = prune(state, Retention(last=1), {102: "base"})
    assert kept(plan) == {
        "foreign": ("not ours",),
        "s1": ("held",),
        "s2": ("base",),
        "s3": ("newest", "last 1: 1"),
    }
    assert not plan.destroy


def test_the_newest_is_kept_though_no_rule_says_so() -> None:
    plan = prune(source(at("2020-01-01T00:00:00", 1), at("2020-01-02T00:00:00", 2)), Retention(within=timedelta(1)))
    assert kept(plan) == {"s2": ("newest",)}


def test_two_snapshots_with_the_same_time_leave_the_later_one() -> None:
    plan = prune(source(at("2026-11-01T00:00:00", 1), at("2026-11-01T00:00:00", 2)), Retention(yearly=1))
    assert [s.name for s in plan.destroy] == ["s1"]


moments = st.integers(NOW.timestamp().__int__() - 4 * 365 * 86400, int(NOW.timestamp()) + 86400)
snapshots = st.lists(st.tuples(moments, st.booleans(), st.booleans()), max_size=25)
retentions = st.builds(
    Retention,
    last=st.integers(0, 5),
    within=st.none() | st.timedeltas(timedelta(0), timedelta(days=400)),
    hourly=st.integers(0, 5),
    daily=st.integers(0, 5),
    weekly=st.integers(0, 5),
    monthly=st.integers(0, 5),
    yearly=st.integers(0, 5),
)


def arranged(facts: list[tuple[int, bool, bool]], sort: bool) -> DatasetState:
    rows = sorted(facts) if sort else facts
    return source(
        *(
            snap(n, name=f"{'s' if ours else 'x'}{n}", creation=creation, holds=int(held))
            for n, (creation, held, ours) in enumerate(rows, 1)
        )
    )


@given(snapshots, retentions, st.sets(st.integers(101, 125)), st.booleans())
def test_never_the_newest_never_held_never_protected_never_foreign(
    facts: list[tuple[int, bool, bool]], retention: Retention, protected: set[int], sort: bool
) -> None:
    state = arranged(facts, sort)
    plan = prune(state, retention, dict.fromkeys(protected, "base"))
    for snapshot in plan.destroy:
        assert snapshot is not state.newest
        assert not snapshot.holds
        assert snapshot.guid not in protected
        assert snapshot.name.startswith("s")
    assert sorted((*plan.destroy, *(keep.snapshot for keep in plan.keep)), key=lambda s: s.guid) == list(
        state.snapshots
    )
    assert all(keep.reasons for keep in plan.keep)


@given(snapshots, retentions, st.booleans())
def test_pruning_twice_is_pruning_once(facts: list[tuple[int, bool, bool]], retention: Retention, sort: bool) -> None:
    state = arranged(facts, sort)
    once = prune(state, retention)
    left = replace(state, snapshots=Snapshots.of(keep.snapshot for keep in once.keep))
    assert not prune(left, retention).destroy


RULES = ("last", "hourly", "daily", "weekly", "monthly", "yearly")


@given(snapshots, retentions, st.sampled_from(RULES), st.integers(1, 3))
def test_a_longer_retention_keeps_all_that_the_shorter_one_kept(
    facts: list[tuple[int, bool, bool]], retention: Retention, rule: str, more: int
) -> None:
    if retention == Retention():
        return
    longer = replace(retention, **{rule: getattr(retention, rule) + more})
    state = arranged(facts, True)
    assert kept(prune(state, retention)).keys() <= kept(prune(state, longer)).keys()


KEEP_ONE = job(keep_source=Retention(last=1), keep_box=Retention(last=1))


def test_both_sides_keep_the_base() -> None:
    here, box = source(*map(snap, (1, 2, 3))), replica(*map(there, (1, 2, 3)))
    on_source, on_box = plan_both_prunes(KEEP_ONE, here, box, NOW)
    assert (on_source.side, on_box.side) == (Side.SOURCE, Side.BOX)
    assert list(on_source.destroy) == [snap(1), snap(2)]
    assert list(on_box.destroy) == [there(1), there(2)]
    assert on_source.keep[0].reasons == ("newest", "base", "last 1: 1")


def test_what_the_box_does_not_have_yet_is_not_pruned_on_the_source() -> None:
    on_source, _ = plan_both_prunes(KEEP_ONE, source(*map(snap, (1, 2, 3, 4))), replica(there(2)), NOW)
    assert list(on_source.destroy) == [snap(1)]
    assert kept(on_source)[snap(3).name] == ("not on the box yet",)


def test_nothing_is_pruned_where_the_two_sides_have_no_base() -> None:
    here = source(*map(snap, (1, 2, 3)))
    assert plan_both_prunes(KEEP_ONE, here, replica(), NOW) == ()
    assert plan_both_prunes(KEEP_ONE, here, replica(there(9)), NOW) == ()


def test_a_bookmark_is_base_enough() -> None:
    on_source, on_box = plan_both_prunes(
        KEEP_ONE, source(snap(1), snap(3), bookmarks=[mark(2)]), replica(there(1), there(2)), NOW
    )
    assert list(on_source.destroy) == [snap(1)]
    assert list(on_box.destroy) == [there(1)]


def test_only_the_box_prunes_what_the_patterns_name() -> None:
    chosen = replace(KEEP_ONE, selection_patterns=("other-*",))
    here = source(snap(1, ours=False), snap(2))
    box = replica(there(1, ours=False), there(2))
    on_source, on_box = plan_both_prunes(chosen, here, box, NOW)
    assert not on_source.destroy
    assert list(on_box.destroy) == [there(1, ours=False)]
    assert not plan_both_prunes(KEEP_ONE, here, box, NOW)[1].destroy


@pytest.mark.parametrize("side", [0, 1])
def test_an_empty_retention_prunes_neither_side(side: int) -> None:
    here, box = source(*map(snap, (1, 2, 3))), replica(*map(there, (1, 2, 3)))
    assert not plan_both_prunes(JOB, here, box, NOW)[side].destroy
