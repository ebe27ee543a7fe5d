"""Snapshots that cannot be taken, and those that somebody else takes at the same time."""

from __future__ import annotations

import pytest

from .breaking import between
from .conftest import MakeStage
from .stage import Stage
from .test_hooks import hook

pytestmark = pytest.mark.lab
TREE = "tank/snap"
DOCS, THICK, DOOMED = f"{TREE}/docs", f"{TREE}/thick", f"{TREE}/doomed"


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Stage:
    """A zvol that has all its room reserved: its snapshot needs as much again as was written."""
    made = make_stage("snap")
    made.source.run(f"zfs create {DOCS}; zfs create -V 8M -o volblocksize=16K {THICK}; udevadm settle")
    made.backup()
    return made


def test_a_dataset_without_room_for_a_snapshot_fails_alone_and_the_rest_is_of_one_instant(stage: Stage) -> None:
    stage.write("letter", "20K")
    stage.write("letter", "20K", DOCS)
    stage.source.run(f"head -c 6M /dev/urandom | dd of=/dev/zvol/{THICK} bs=16K conv=fsync status=none; zpool sync")
    with between(lambda: stage.source.fill_pool(leave=2 << 20), stage.source.empty_pool):
        report = stage.backup(expect=1)
    thick = stage.part(report, THICK)
    assert (thick["state"], thick["error"]["code"]) == ("failed", "no-space")
    assert f"snapshot {THICK}@" in thick["error"]["message"]
    assert [stage.part(report, each)["state"] for each in (TREE, DOCS)] == ["sent", "sent"]
    names = [stage.names(stage.source, each)[-1] for each in (TREE, DOCS, THICK)]
    assert names[0] == names[1] != names[2]
    txgs = [
        stage.source.run(["zfs", "get", "-Hpo", "value", "createtxg", f"{each}@{names[0]}"]) for each in (TREE, DOCS)
    ]
    assert txgs[0] == txgs[1]
    assert stage.part(stage.backup(), THICK)["state"] == "sent"


def test_a_dataset_that_is_destroyed_between_the_listing_and_its_snapshot_fails_alone(stage: Stage) -> None:
    stage.source.run(["zfs", "create", DOOMED])
    stage.write("more", "20K", DOCS)
    hook(stage, f"zfs destroy {DOOMED}", dataset=DOOMED)
    report = stage.backup(expect=1)
    assert stage.part(report, DOOMED)["error"]["code"] == "dataset-missing"
    assert stage.part(report, DOCS)["state"] == "sent"
    stage.configure()
    assert DOOMED not in {each["source"] for each in stage.backup()["datasets"]}


def test_a_snapshot_that_another_tool_takes_between_the_listing_and_ours_travels_in_the_same_run(stage: Stage) -> None:
    stage.settings["snapshots"] = 'send = "all"'
    stage.write("most", "20K", DOCS)
    hook(stage, f"zfs snapshot {DOCS}@theirs", dataset=DOCS)
    part = stage.part(stage.backup(), DOCS)
    assert (part["state"], part["verified"]) == ("sent", True)
    assert "theirs" in stage.names(stage.box, stage.replica(DOCS))
