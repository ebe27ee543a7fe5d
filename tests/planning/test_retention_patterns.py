"""Snapshots of others: never pruned, unless a pattern of the retention says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from zoffsite.model.job import Retention, Selection, SnapshotWhen
from zoffsite.planning.retention import plan_both_prunes

from .make import job, mark, replica, snap, source, there

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AUTO = ("autosnap_*",)


def auto(number: int) -> str:
    return f"autosnap_{number}"


def destroyed(keep_source: Retention, keep_box: Retention, **changes: object) -> list[list[str]]:
    """Ours and autosnaps in turn, all of them on both sides; the odd one out is of a third tool."""
    here = [snap(n, name=auto(n)) if n % 2 else snap(n) for n in range(1, 8)]
    here[2] = snap(3, name="by hand")
    on_box = [there(s.guid - 100, name=s.name) for s in here]
    plans = plan_both_prunes(
        job(keep_source=keep_source, keep_box=keep_box, **changes), source(*here), replica(*on_box), NOW
    )
    return [[s.name for s in plan.destroy] for plan in plans]


def test_without_patterns_nothing_of_others_goes_on_either_side() -> None:
    assert destroyed(Retention(last=1), Retention(last=1)) == [[snap(2).name, snap(4).name]] * 2


def test_what_a_pattern_names_is_pruned_by_the_same_rules_together_with_ours() -> None:
    source_side, box_side = destroyed(Retention(last=2, patterns=AUTO), Retention(last=3, patterns=AUTO))
    assert source_side == [auto(1), snap(2).name, snap(4).name, auto(5)]
    assert box_side == [auto(1), snap(2).name, snap(4).name]


def test_each_side_has_its_own_patterns() -> None:
    source_side, box_side = destroyed(Retention(last=1), Retention(last=1, patterns=AUTO))
    assert source_side == [snap(2).name, snap(4).name]
    assert box_side == [auto(1), snap(2).name, snap(4).name, auto(5), snap(6).name]


def test_patterns_alone_are_no_rule_and_prune_nothing() -> None:
    assert destroyed(Retention(patterns=("*",)), Retention(patterns=("*",))) == [[], []]


def test_a_job_that_takes_no_snapshots_prunes_the_box_by_patterns() -> None:
    never = {"snapshot_when": SnapshotWhen.NEVER, "selection": Selection.ALL}
    source_side, box_side = destroyed(Retention(), Retention(last=2, patterns=("*",)), **never)
    assert source_side == []
    assert box_side == [auto(1), snap(2).name, "by hand", snap(4).name, auto(5)]


def test_the_base_the_newest_the_held_and_the_cloned_stay_whatever_a_pattern_names() -> None:
    here = source(snap(1, holds=1), snap(2, cloned=True), snap(3), snap(4), snap(5), bookmarks=[mark(3)])
    on_box = replica(there(1), there(2, holds=2), there(3))
    keep = Retention(within=timedelta(seconds=1), patterns=("*",))
    plans = plan_both_prunes(job(keep_source=keep, keep_box=keep), here, on_box, NOW + timedelta(days=365))
    assert [list(plan.destroy) for plan in plans] == [[], [there(1)]]
    reasons = {kept.snapshot.name: kept.reasons for kept in plans[0].keep}
    assert reasons == {
        snap(1).name: ("held",),
        snap(2).name: ("cloned",),
        snap(3).name: ("base",),
        snap(4).name: ("not on the box yet",),
        snap(5).name: ("newest", "not on the box yet"),
    }
