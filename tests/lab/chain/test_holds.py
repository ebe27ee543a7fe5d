"""What a run sends, and its base, cannot be destroyed under it; and what others hold is respected."""

from __future__ import annotations

import signal

import pytest

from .conftest import MakeStage
from .stage import SLOW, Stage, await_true
from .test_good_path import commands

pytestmark = [pytest.mark.lab, pytest.mark.long]
TREE = "tank/hold"
TAG = "zoffsite-home"


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Stage:
    """Backed up once, so that every run has a base."""
    made = make_stage("hold", keep_source="last = 1", keep_box="last = 1")
    made.write("first", "20K")
    made.backup()
    return made


def holds(stage: Stage, dataset: str = TREE) -> set[tuple[str, str]]:
    """Who holds what on the source: the snapshot's name and the tag."""
    rows = stage.source.run(f"zfs holds -H $(zfs list -Hd1 -o name -t snapshot {dataset})").splitlines()
    return {(row.split("\t")[0].split("@")[1], row.split("\t")[1]) for row in rows}


def destroyed(stage: Stage, full_name: str) -> bool:
    return stage.source.try_run(["zfs", "destroy", full_name]).code == 0


def test_nobody_can_destroy_what_is_being_sent_nor_its_base_on_either_side(stage: Stage) -> None:
    (base,) = stage.names(stage.source, TREE)
    stage.write("second", "3M")
    run = stage.under_way()
    run.send_signal(signal.SIGSTOP)  # so that it is in the middle of it for as long as we look
    before, new = stage.names(stage.source, TREE)
    assert (before, holds(stage)) == (base, {(base, TAG), (new, TAG)})
    assert not destroyed(stage, f"{TREE}@{base}")
    assert not destroyed(stage, f"{TREE}@{new}")
    on_box = f"{stage.replica()}@{base}"
    assert stage.box.try_run(["zfs", "destroy", on_box]).code != 0  # ZFS's own doing: the receive is a clone of it
    run.kill()
    run.communicate()
    await_true(lambda: stage.token() != "-", "the box has let go")
    assert stage.box.try_run(["zfs", "destroy", on_box]).code != 0
    assert stage.part(stage.backup())["state"] == "sent"


def test_nothing_is_held_any_more_once_it_was_sent(stage: Stage) -> None:
    stage.write("more", "20K")
    assert stage.part(stage.backup())["state"] == "sent"
    assert holds(stage) == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_releases_what_it_held(stage: Stage, number: signal.Signals) -> None:
    stage.write(number.name, "3M")
    run = stage.under_way()
    assert len(holds(stage)) == 2
    run.send_signal(number)
    stage.finish(run, 130)
    assert holds(stage) == set()
    stage.backup()


def test_what_a_killed_run_left_held_is_released_by_the_next_and_nothing_of_others(stage: Stage) -> None:
    stage.write("third", "3M")
    run = stage.under_way()
    base, new = stage.names(stage.source, TREE)
    run.kill()
    run.communicate()
    theirs = {(base, "keep"), (new, "zoffsite-home-two")}
    for name, tag in theirs:
        stage.source.run(["zfs", "hold", tag, f"{TREE}@{name}"])
    assert holds(stage) == {(base, TAG), (new, TAG), *theirs}
    done = stage.zoffsite("--verbose", "backup", "--direct", "--json")
    assert stage.part(done.json)["state"] == "sent"
    verbs = [words[1] for words in commands(done.err, "root@") if words[0] == "zfs"]
    assert verbs.index("release") < verbs.index("hold"), "what was left, before its own"
    assert "releasing 2 holds of a run that was killed" in done.err
    assert holds(stage) == theirs
    for name, tag in theirs:
        stage.source.run(["zfs", "release", tag, f"{TREE}@{name}"])


def test_a_run_with_nothing_to_send_holds_nothing_and_asks_for_no_holds(stage: Stage) -> None:
    stage.backup()
    done = stage.zoffsite("--verbose", "backup", "--direct", "--json")
    assert stage.part(done.json)["state"] == "up-to-date"
    assert "$ zfs list" in done.err
    assert "$ zfs hold" not in done.err  # neither `zfs hold` nor `zfs holds`
    assert "$ zfs release" not in done.err


def test_a_base_destroyed_after_the_plan_is_noticed_and_the_dataset_planned_anew(make_stage: MakeStage) -> None:
    stage = make_stage("outdated", retries=1)
    second = f"{stage.tree}/second"
    stage.source.run(["zfs", "create", second])
    stage.backup()
    (base,) = stage.names(stage.source, second)
    stage.write("big", "3M")
    stage.write("small", "20K", second)
    run = stage.start("backup", "--direct", "--json", env={**SLOW, "ZOFFSITE_JOB__HOME__PARALLEL": "1"})
    await_true(lambda: holds(stage, stage.tree), "the first dataset is being sent")
    assert destroyed(stage, f"{second}@{base}")  # it waits for its turn; its base is left as a bookmark
    done = stage.finish(run, 0)
    part = stage.part(done.json, second)
    assert (part["state"], part["verified"]) == ("sent", True)
    assert "has been destroyed since it was planned" in done.err
    assert holds(stage, second) == set()
    assert [each["source"] for each in stage.backup()["datasets"] if each["state"] != "up-to-date"] == []


def test_a_snapshot_that_somebody_holds_by_now_is_kept_and_the_rest_is_pruned(make_stage: MakeStage) -> None:
    old = [f"zoffsite-home-2026-01-0{day}T03:00:00Z" for day in range(1, 7)]
    stage = make_stage("late")
    for name in old:
        stage.write(name, "8K")
        stage.source.run(["zfs", "snapshot", f"{stage.tree}@{name}"])
    stage.backup()
    stage.configure(keep_source="last = 1", keep_box="last = 1")
    stage.write("big", "3M")
    run = stage.under_way()
    stage.source.run(["zfs", "hold", "mine", f"{stage.tree}@{old[1]}"])
    stage.source.run(["zfs", "clone", f"{stage.tree}@{old[3]}", "tank/late-clone"])
    stage.box.run(["zfs", "hold", "mine", f"{stage.replica()}@{old[2]}"])
    done = stage.finish(run, 0)
    part = stage.part(done.json)
    newest = part["snapshot"]
    assert (part["state"], part["verified"], part["pruned"]) == ("sent", True, {"source": 4, "box": 5})
    assert stage.names(stage.source, stage.tree) == [old[1], old[3], newest]
    assert stage.names(stage.box, stage.replica()) == [old[2], newest]
