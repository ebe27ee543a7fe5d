"""What a run takes before it sends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from zoffsite.model.inventory import DatasetState, Inventory
from zoffsite.model.job import Job, Selection, SnapshotWhen
from zoffsite.model.version import NOT_TAKEN
from zoffsite.model.work import SourceFacts
from zoffsite.planning.naming import travels
from zoffsite.planning.snapshots import is_ours, snapshot_name, to_snapshot, with_pending

from .make import JOB, SOURCE, dataset, job, snap, source

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
NAME = "zoffsite-home-2026-11-22T03:00:00Z"


def test_names_are_utc_wherever_the_clock_stands() -> None:
    assert snapshot_name(JOB, NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))) == NAME


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        (NAME, True),
        ("zoffsite-home-more-2026-11-22T03:00:00Z", False),
        ("zoffsite-hom-2026-11-22T03:00:00Z", False),
        (f"{NAME}x", False),
        (f"x{NAME}", False),
        ("zoffsite-home-before-upgrade", False),
        ("zoffsite-home-٢٠٢٦-11-22T03:00:00Z", False),
        (f"{NAME}\n", False),
    ],
)
def test_ours_is_exactly_the_shape_we_give(name: str, ours: bool) -> None:
    assert is_ours(JOB, name) is ours


def test_a_first_run_takes_a_snapshot_though_nothing_was_written() -> None:
    assert to_snapshot(JOB, [source()], NOW) == (f"{SOURCE}@{NAME}",)
    assert to_snapshot(JOB, [source(snap(1, ours=False))], NOW) == (f"{SOURCE}@{NAME}",)


def test_nothing_written_means_no_snapshot() -> None:
    assert to_snapshot(JOB, [source(snap(1))], NOW) == ()
    assert to_snapshot(JOB, [source(snap(1), written=1)], NOW) == (f"{SOURCE}@{NAME}",)


def test_what_another_tools_snapshot_holds_is_taken_when_that_snapshot_does_not_travel() -> None:
    state = source(snap(1), snap(2, ours=False))
    assert to_snapshot(job(selection=Selection.ALL), [state], NOW) == ()
    assert to_snapshot(job(selection=Selection.OURS), [state], NOW) == (f"{SOURCE}@{NAME}",)
    assert to_snapshot(job(selection=Selection.OURS, selection_patterns=("other-*",)), [state], NOW) == ()


def test_always_and_never_mean_what_they_say() -> None:
    assert to_snapshot(job(snapshot_when=SnapshotWhen.ALWAYS), [source(snap(1))], NOW) == (f"{SOURCE}@{NAME}",)
    assert to_snapshot(job(snapshot_when=SnapshotWhen.NEVER), [source(written=5)], NOW) == ()


def test_an_unencrypted_dataset_gets_no_snapshot() -> None:
    assert to_snapshot(job(snapshot_when=SnapshotWhen.ALWAYS), [source(encryption="off")], NOW) == ()


def test_a_second_run_within_the_second_goes_on_with_the_snapshot_that_is_there() -> None:
    state = source(snap(1, name=NAME), written=5)
    assert to_snapshot(job(snapshot_when=SnapshotWhen.ALWAYS), [state], NOW) == ()


def test_the_names_of_one_pool_are_next_to_each_other() -> None:
    states = [DatasetState(dataset=dataset(name)) for name in ("tank-2/a", "tank/b", "tank", "tank-2", "tank/a")]
    pools = [name.partition("@")[0].partition("/")[0] for name in to_snapshot(JOB, states, NOW)]
    assert pools == ["tank", "tank", "tank", "tank-2", "tank-2"]


def facts(chosen: Job, state: DatasetState) -> SourceFacts:
    return SourceFacts(
        inventory=Inventory(host="source"), chosen=(state,), to_snapshot=to_snapshot(chosen, [state], NOW)
    )


def test_a_plan_can_show_the_snapshot_that_a_run_would_take() -> None:
    (state,) = with_pending(facts(JOB, source(snap(1), written=5, referenced=9)), NOW).chosen
    assert state.newest is not None
    assert (state.newest.name, state.newest.guid, state.newest.taken) == (NAME, NOT_TAKEN, False)
    assert (state.newest.written, state.newest.referenced) == (5, 9)
    assert state.newest.createtxg > snap(1).createtxg
    assert state.newest.creation == int(NOW.timestamp())


def test_what_is_not_due_stays_as_it_is() -> None:
    given = facts(JOB, source(snap(1)))
    assert with_pending(given, NOW) == given


def test_latest_means_the_newest_of_all_only_where_nothing_could_be_ours() -> None:
    never = SnapshotWhen.NEVER
    assert travels(job(selection=Selection.LATEST, snapshot_when=never), "foreign")
    assert not travels(job(selection=Selection.LATEST, snapshot_when=never, selection_patterns=("auto*",)), "foreign")
    assert not travels(job(selection=Selection.LATEST), "foreign")
