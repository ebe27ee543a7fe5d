"""Too little room on the box is said before anything is sent, and only where it is true."""

from __future__ import annotations

import pytest

from .conftest import MakeStage
from .stage import Stage

pytestmark = [pytest.mark.lab, pytest.mark.long]


@pytest.fixture
def stage(make_stage: MakeStage, request: pytest.FixtureRequest) -> Stage:
    made = make_stage(f"space{request.node.name[-4:].strip('_')}")
    made.source.run(["zfs", "create", f"{made.tree}/big"])
    made.write("small", "20K")
    made.write("big", "12M", f"{made.tree}/big")
    return made


def quota(stage: Stage, free: int) -> None:
    """Leave so many bytes free below the root."""
    stage.box.run(
        f"zpool sync vault; zfs set quota=$(( $(zfs get -Hpo value used {stage.root}) + {free} )) {stage.root}"
    )


def test_a_dataset_that_a_quota_has_no_room_for_is_refused_before_its_first_byte_and_the_others_go_on(
    stage: Stage,
) -> None:
    big = f"{stage.tree}/big"
    quota(stage, 6 << 20)
    planned = stage.plan(big)
    assert (planned["action"], planned["code"]) == ("refused", "no-space")
    report = stage.backup(expect=4)
    refused, small = stage.part(report, big), stage.part(report)
    assert (small["state"], small["verified"]) == ("sent", True)
    assert (refused["state"], refused["bytes"], refused["error"]["code"]) == ("refused", 0, "no-space")
    assert f"left below {stage.root}" in refused["error"]["message"]
    assert f"zfs list -o space -r {stage.root}" in refused["error"]["remedy"]
    assert stage.box.try_run(["zfs", "list", stage.replica(big)]).code != 0
    quota(stage, 40 << 20)
    assert stage.part(stage.backup(), big)["state"] == "sent"


def test_a_reserve_stays_free(stage: Stage) -> None:
    quota(stage, 40 << 20)
    reserve = {"ZOFFSITE_BOX__FRIEND__RESERVE": "30 MiB"}
    refused = stage.part(stage.backup(expect=4, env=reserve), f"{stage.tree}/big")
    assert "beside the reserve of 30.0 MiB" in refused["error"]["message"]
    assert all(each["verified"] for each in stage.backup()["datasets"])


def test_what_the_listing_exaggerates_is_not_refused(stage: Stage) -> None:
    """Two copies of everything on the source, and a base of which only the bookmark is left."""
    big = f"{stage.tree}/big"
    stage.source.run(["zfs", "set", "copies=2", big])
    stage.write("more", "12M", big)
    quota(stage, 34 << 20)  # 24 MB will be enough, though the source counts 36
    assert stage.part(stage.backup(), big)["state"] == "sent"
    (base,) = stage.names(stage.source, big)
    stage.source.run(["zfs", "destroy", f"{big}@{base}"])
    stage.write("little", "1M", big)  # the new snapshot will count as written since nothing
    quota(stage, 4 << 20)
    part = stage.part(stage.backup(), big)
    assert (part["state"], part["bytes"] < 3 << 20) == ("sent", True)


def test_a_replica_whose_old_snapshots_fill_the_room_is_pruned_of_them_and_caught_up_by_the_next_run(
    stage: Stage,
) -> None:
    only = ("--dataset", stage.tree)
    for _ in range(4):
        stage.write("mass", "5M")
        assert stage.part(stage.backup(*only))["state"] == "sent"
    stage.configure(keep_box="last = 1")
    stage.write("mass", "8M")
    quota(stage, 4 << 20)
    full = stage.part(stage.backup(*only, expect=4))
    assert (full["state"], full["error"]["code"], full["bytes"]) == ("refused", "no-space", 0)
    assert full["pruned"]["box"] == 3
    done = stage.part(stage.backup(*only))
    assert (done["state"], done["verified"]) == ("sent", True)


def test_a_receive_that_ran_out_of_space_is_weighed_again_and_resumed_once_there_is_room(stage: Stage) -> None:
    only = ("--dataset", stage.tree)
    stage.write("mass", "12M")
    run = stage.under_way(*only)
    quota(stage, 1 << 20)
    failed = stage.finish(run, 1)
    assert stage.part(failed.json)["error"]["code"] == "no-space"
    assert stage.token() != "-"
    again = stage.part(stage.backup(*only, expect=4))
    assert (again["state"], again["error"]["code"], again["bytes"]) == ("refused", "no-space", 0)
    quota(stage, 40 << 20)
    assert stage.plan()["action"] == "resume"
    done = stage.part(stage.backup(*only))
    assert (done["state"], done["verified"]) == ("sent", True)
