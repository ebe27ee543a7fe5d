"""Taking the snapshots of a run: what stands in the way of some, and what others do meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.actions.smallzfs import SmallZfs
from tests.planning.make import job
from zoffsite.actions.snapshot import take_snapshots
from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.job import Hook, Job, Selection, SnapshotWhen
from zoffsite.model.work import SourceFacts
from zoffsite.zfs import argv

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
OURS = "zoffsite-home-2026-11-23T03:00:00Z"
A, B, C, OTHER = "tank/a", "tank/b", "tank/c", "pond/d"


@pytest.fixture
def zfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallZfs:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    made = SmallZfs(tmp_path)
    for number, name in enumerate((OTHER, A, B, C)):
        made.add(name, "old", guid=number + 1)
    return made


def made(tmp_path: Path, selection: Selection = Selection.OURS, patterns: tuple[str, ...] = ()) -> Job:
    return job(
        datasets=(OTHER, A, B, C),
        ledger=tmp_path / "ledger.sqlite",
        selection=selection,
        selection_patterns=patterns,
    )


def taken(job_: Job) -> SourceFacts:
    with Connections() as hosts:
        return take_snapshots(job_, hosts, "home-x", NOW)


def left_out(facts: SourceFacts) -> dict[str, str]:
    return {each.source: each.error.code for each in facts.left_out if each.error}


def asked(zfs: SmallZfs) -> list[list[str]]:
    """The datasets of each `zfs snapshot`."""
    calls = (call.split()[2:] for call in zfs.calls if call.startswith("zfs snapshot"))
    return [[name.partition("@")[0] for name in call] for call in calls]


@pytest.mark.parametrize(
    ("selection", "patterns"), [(Selection.ALL, ()), (Selection.OURS, ("auto-*",)), (Selection.LATEST, ("auto-*",))]
)
def test_what_another_tool_took_between_the_listing_and_ours_travels_too(
    zfs: SmallZfs, tmp_path: Path, selection: Selection, patterns: tuple[str, ...]
) -> None:
    zfs.fault("snapshot .*tank/a", makes=(f"{A}@auto-1",))
    facts = taken(made(tmp_path, selection, patterns))
    (state,) = (state for state in facts.chosen if state.dataset.name == A)
    assert state.snapshots.names == ("old", "auto-1", OURS)
    assert zfs.verbs[-3:] == ["zfs snapshot", "zfs snapshot", "zfs list"]


def test_what_a_hook_snapshots_travels_in_the_same_run_also_where_nothing_is_left_for_ours(
    zfs: SmallZfs, tmp_path: Path
) -> None:
    hook = Hook(datasets=(A,), before=("zfs", "snapshot", f"{A}@theirs"), after=(), timeout=60.0)
    facts = taken(replace(made(tmp_path, Selection.ALL), hooks=(hook,), snapshot_when=SnapshotWhen.NEVER))
    assert [state.snapshots.names for state in facts.chosen] == [("old",), ("old", "theirs"), ("old",), ("old",)]


def test_where_only_ours_travel_only_ours_are_looked_at(zfs: SmallZfs, tmp_path: Path) -> None:
    facts = taken(made(tmp_path))
    assert {state.snapshots.names for state in facts.chosen} == {("old", OURS)}
    assert zfs.verbs[-3:] == ["zfs snapshot", "zfs snapshot", "zfs list"]
    assert zfs.calls[-1].count("@") == 4


def test_what_cannot_be_snapshotted_is_left_out_with_its_reason_and_the_rest_is_of_one_instant(
    zfs: SmallZfs, tmp_path: Path
) -> None:
    zfs.change(full=[B])
    facts = taken(made(tmp_path))
    assert asked(zfs) == [[OTHER], [A, B, C], [A, C]]
    assert [state.dataset.name for state in facts.chosen] == [OTHER, A, C]
    assert facts.to_snapshot == tuple(f"{name}@{OURS}" for name in (OTHER, A, C))
    assert left_out(facts) == {B: "no-space"}
    error = facts.left_out[0].error
    assert error is not None
    assert error.message.startswith(f"snapshot {B}@")
    assert "zfs list -o space" in error.remedy


def test_what_vanished_after_the_listing_is_left_out(zfs: SmallZfs, tmp_path: Path) -> None:
    zfs.fault("snapshot .*tank/a", destroys=(A, C))
    facts = taken(made(tmp_path))
    assert asked(zfs) == [[OTHER], [A, B, C], [B]]
    assert left_out(facts) == {A: "dataset-missing", C: "dataset-missing"}


@pytest.mark.parametrize("selection", [Selection.ALL, Selection.OURS])
def test_what_vanished_after_its_snapshot_is_left_out(zfs: SmallZfs, tmp_path: Path, selection: Selection) -> None:
    zfs.fault("snapshot .*tank/a", when="after", destroys=(B,))
    facts = taken(made(tmp_path, selection))
    assert left_out(facts) == {B: "dataset-missing"}
    assert [state.snapshots.names for state in facts.chosen] == [("old", OURS)] * 3


def test_whoever_lacks_a_permission_on_one_dataset_is_told_of_that_one(zfs: SmallZfs, tmp_path: Path) -> None:
    (tmp_path / "id").write_text("#!/bin/sh\necho u\n")
    (tmp_path / "id").chmod(0o755)
    zfs.change(forbidden=[B])
    facts = taken(made(tmp_path))
    assert asked(zfs) == [[OTHER], [A, B, C], [A, C]]
    assert left_out(facts) == {B: "not-permitted"}
    error = facts.left_out[0].error
    assert error is not None
    assert error.remedy.endswith(f"as root: zfs allow -u u mount,snapshot {B}")


def test_a_pool_of_which_nothing_can_be_snapshotted_does_not_stop_the_others(zfs: SmallZfs, tmp_path: Path) -> None:
    zfs.fault("snapshot .*tank/a", says="cannot create snapshots : pool I/O is currently suspended")
    facts = taken(made(tmp_path))
    assert [state.dataset.name for state in facts.chosen] == [OTHER]
    assert left_out(facts) == dict.fromkeys((A, B, C), "pool-suspended")


def test_what_may_be_tried_again_is(zfs: SmallZfs, tmp_path: Path) -> None:
    zfs.fault("snapshot .*tank/a", says="cannot create snapshots : dataset is busy")
    with pytest.raises(ZoffsiteError) as caught:
        taken(made(tmp_path))
    assert caught.value.transient


def test_more_names_than_a_command_has_room_for_are_taken_in_parts_and_it_is_said(
    zfs: SmallZfs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(argv, "LONGEST_COMMAND", 130)
    zfs.change(full=[B])
    with Connections() as hosts:  # the other commands have room enough
        facts = take_snapshots(made(tmp_path, Selection.OURS), hosts, "home-x", NOW)
    assert asked(zfs) == [[OTHER], [A, B], [A], [C]]
    assert left_out(facts) == {B: "no-space"}
    assert [(each.code, each.subject) for each in facts.notices] == [("several-instants", "tank")]
    assert len(facts.chosen) == 3
