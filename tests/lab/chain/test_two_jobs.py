"""Two friends: two jobs on the same datasets, each with bookmarks, holds and retention of its own."""

from __future__ import annotations

import subprocess

import pytest

from .breaking import between
from .conftest import MakeStage
from .stage import SOME, Json, Stage, await_true, processes

pytestmark = [pytest.mark.lab, pytest.mark.long]
TREE = "tank/both"
SECOND = "vault/both-second"


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Stage:
    """Job `home` takes snapshots and keeps one; job `all`, to another root, sends whatever there is and takes none."""
    made = make_stage("both", keep_source="last = 1", keep_box="last = 1")
    made.box.prepare_box(SECOND)
    toml = made.folder / "zoffsite.toml"
    text = toml.read_text()
    box = text.split("[box.friend]")[1].split("[job.home]")[0].replace(made.root, SECOND)
    job = text.split("[job.home]")[1].replace('"friend"', '"second"').replace("[job.home.", "[job.all.")
    job = job.replace("[job.all.snapshots]", '[job.all.snapshots]\ntake = "never"\nsend = "all"').replace(
        "last = 1", ""
    )
    toml.write_text(f"{text}\n[box.second]{box}\n[job.all]{job}")
    return made


def backup(stage: Stage, job: str) -> Json:
    """Run one of the two jobs; its dataset's part."""
    return stage.part(stage.backup("--job", job))


def theirs(stage: Stage) -> list[str]:
    """What the second friend has."""
    return stage.guids(stage.box, f"{SECOND}/{TREE.replace('/', ':')}")


def bookmarks(stage: Stage, job: str) -> list[str]:
    return [name for name in stage.names(stage.source, TREE, "bookmark") if name.startswith(f"zoffsite-{job}-")]


def take(stage: Stage, name: str, size: str = "20K") -> Json:
    stage.write(name, size)
    return backup(stage, "home")


def test_each_has_a_bookmark_of_its_own(stage: Stage) -> None:
    first = take(stage, "one", "2M")
    assert backup(stage, "all")["state"] == "sent"
    assert (len(bookmarks(stage, "home")), len(bookmarks(stage, "all"))) == (1, 1)
    assert theirs(stage) == [first["guid"]]


def test_one_prunes_the_base_of_the_other_which_goes_on_from_its_bookmark(stage: Stage) -> None:
    base = theirs(stage)[-1]
    parts = [take(stage, name) for name in ("two", "three", "four")]
    assert [part["pruned"]["source"] for part in parts] == [1, 1, 1]
    assert base not in stage.guids(stage.source, TREE)
    (planned,) = stage.zoffsite("plan", "--json", "--job", "all").json["datasets"]
    assert 50_000 < planned["estimated_bytes"] < 1_000_000, "not all that there is, as the listing has it"
    part = backup(stage, "all")
    assert (part["state"], part["verified"]) == ("sent", True)
    assert theirs(stage) == [base, parts[-1]["guid"]]


def test_what_one_is_sending_is_not_pruned_by_the_other_and_goes_later(stage: Stage) -> None:
    old = theirs(stage)[-1]
    stage.write("big", "3M")
    stage.source.run(["zfs", "snapshot", f"{TREE}@by-hand"])
    slow = {"ZOFFSITE_JOB__ALL__BANDWIDTH": "100 KB/s"}
    run = stage.start("backup", "--direct", "--json", "--job", "all", env=slow)
    await_true(lambda: "1" in stage.source.run(f"zfs list -Hd1 -o userrefs -t snapshot {TREE}").split(), "it holds")
    during = take(stage, "five")
    assert (during["state"], during["verified"]) == ("sent", True)
    assert during["pruned"]["source"] == 0
    assert old in stage.guids(stage.source, TREE)
    assert stage.part(stage.finish(run, 0).json)["verified"]
    later = take(stage, "six")
    assert later["pruned"]["source"] == 2
    assert old not in stage.guids(stage.source, TREE)
    assert (backup(stage, "all")["verified"], theirs(stage)[-1]) == (True, later["guid"])
    assert "by-hand" in stage.names(stage.source, TREE)


def chain_in_the_middle(stage: Stage, name: str) -> tuple[subprocess.Popen[str], list[str]]:
    """Job `all` has brought two of three small snapshots, and is at the third, which is big; and the two."""
    made = [f"{name}-{number}" for number in (1, 2, 3)]
    for each, size in zip(made, ("20K", "20K", "3M"), strict=True):
        stage.write(each, size)
        stage.source.run(["zfs", "snapshot", f"{TREE}@{each}"])
    slow = {"ZOFFSITE_JOB__ALL__BANDWIDTH": "100 KB/s"}
    run = stage.start("backup", "--direct", "--json", "--job", "all", env=slow)
    guid = dict(zip(stage.names(stage.source, TREE), stage.guids(stage.source, TREE), strict=True))
    await_true(lambda: theirs(stage)[-1] == guid[made[1]], "the second has arrived")
    unfinished = ["zfs", "list", "-Hpo", "used", f"{SECOND}/{TREE.replace('/', ':')}/%recv"]
    await_true(lambda: int(stage.box.try_run(unfinished).out or 0) > SOME, "some of the third is on the disk")
    return run, [f"{TREE}@{each}" for each in made[:2]]


def goes_on(stage: Stage) -> None:
    part = backup(stage, "all")
    assert (part["state"], part["verified"]) == ("sent", True)
    assert theirs(stage)[-1] == stage.guids(stage.source, TREE)[-1]


def test_a_chain_that_was_cut_goes_on_as_an_increment_though_others_pruned_all_that_had_arrived(stage: Stage) -> None:
    run, arrived = chain_in_the_middle(stage, "cut")
    stage.box.kill("zfs receive")
    failed = stage.part(stage.finish(run, 1).json)
    assert (failed["state"], failed["error"]["transient"]) == ("failed", True), failed
    for name in arrived:
        stage.source.run(["zfs", "destroy", name])
    goes_on(stage)


def test_so_does_one_whose_run_was_killed_also_after_a_run_without_the_box_has_released_its_holds(stage: Stage) -> None:
    run, arrived = chain_in_the_middle(stage, "killed")
    run.kill()
    run.communicate()
    assert stage.source.try_run(["zfs", "destroy", arrived[-1]]).code != 0  # still held
    with between(stage.box.cut_uplink, stage.box.restore_uplink):
        stage.backup("--job", "all", expect=3)
    for name in arrived:
        stage.source.run(["zfs", "destroy", name])
    await_true(lambda: not processes(stage.box, ["zfs receive"]), "the box has let go")
    goes_on(stage)


def test_neither_leaves_bookmarks_or_holds_behind(stage: Stage) -> None:
    assert (len(bookmarks(stage, "home")), len(bookmarks(stage, "all"))) == (1, 1)
    assert set(stage.source.run(f"zfs list -Hd1 -o userrefs -t snapshot {TREE}").split()) == {"0"}
