"""What stands in the way is refused by name, explains itself, and stops nothing else; its remedy, typed, helps.

All of it on one stage: each dataset gets its own trouble, and one plan and one run meet all of them.
"""

from __future__ import annotations

import re

import pytest

from .conftest import MakeStage
from .stage import Json, Stage

pytestmark = pytest.mark.lab
TREE = "tank/odd"
GOOD, KEY, MOUNTED, SNAPSHOT, ANEW = (f"{TREE}/{name}" for name in ("good", "key", "mounted", "snapshot", "anew"))
FORGED, STALE, WRITABLE, EMPTY = (f"{TREE}/{name}" for name in ("forged", "stale", "writable", "empty"))
WITH_REPLICA = (GOOD, KEY, MOUNTED, SNAPSHOT, ANEW, WRITABLE)
TROUBLED = {
    KEY: ("refused", "key-loaded"),
    MOUNTED: ("refused", "replica-mounted"),
    SNAPSHOT: ("conflict", "diverged"),
    ANEW: ("conflict", "diverged"),
    FORGED: ("refused", "unplanned-token"),
    WRITABLE: ("refused", "replica-writable"),
    EMPTY: ("conflict", "replica-empty"),
}


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Stage:
    """Six replicas, then each trouble, as it could come about."""
    made = make_stage("odd", datasets=[f"{TREE}/*"])
    names = " ".join((*WITH_REPLICA, FORGED, STALE, EMPTY))
    made.source.run(
        f"for d in {names}; do zfs create $d; head -c 20K /dev/urandom > /$d/file; done;"
        f"head -c 2M /dev/urandom > /{FORGED}/file; head -c 2M /dev/urandom > /{STALE}/file; zpool sync"
    )
    made.backup(*(word for dataset in WITH_REPLICA for word in ("--dataset", dataset)))
    for dataset in WITH_REPLICA:
        made.write("more", "20K", dataset)
    _trouble_replicas(made)
    _trouble_source(made)
    return made


def _trouble_replicas(stage: Stage) -> None:
    stage.box.put(stage.source.get("/root/keys/tank_odd"), "/root/odd.key", 0o600)
    for dataset in (KEY, MOUNTED):
        stage.box.run(["zfs", "load-key", "-L", "file:///root/odd.key", stage.replica(dataset)])
    mounted = stage.replica(MOUNTED)
    stage.box.run(f"zfs set canmount=noauto {mounted}; zfs set mountpoint=/mnt/odd {mounted}; zfs mount {mounted}")
    stage.box.run(["zfs", "snapshot", f"{stage.replica(SNAPSHOT)}@made on the box"])
    stage.box.run(["zfs", "set", "readonly=off", stage.replica(WRITABLE)])
    stage.box.run(["zfs", "create", stage.replica(EMPTY)])


def _trouble_source(stage: Stage) -> None:
    stage.source.run(f"zfs destroy -r {ANEW}; zfs create {ANEW}; head -c 20K /dev/urandom > /{ANEW}/other; zpool sync")
    stage.source.run(f"zfs snapshot {STALE}@gone; zfs snapshot {STALE}@kept")
    # The forged one is another dataset's stream in the replica's name; a box could make such a token at will.
    _interrupted_receive(stage, f"{STALE}@gone", stage.replica(STALE))
    _interrupted_receive(stage, f"{STALE}@kept", stage.replica(FORGED))
    stage.source.run(["zfs", "destroy", f"{STALE}@gone"])


def _interrupted_receive(stage: Stage, snapshot: str, replica: str) -> None:
    """Half of a raw stream, received by the user of the box."""
    sent = stage.source.shell().raw(f"zfs send -w {snapshot} | head -c 1M")[1]
    stage.box.try_run(["/usr/sbin/zfs", "receive", "-s", "-u", replica], stdin=sent, user="zoffsite")
    assert stage.box.run(["zfs", "get", "-Hpo", "value", "receive_resume_token", replica]).strip() != "-"


def last_command(remedy: str) -> str:
    """What a remedy says to type: the last one, where it leaves a choice."""
    return re.split(r": (?=zfs )", remedy)[-1].partition(";")[0]


@pytest.fixture(scope="module")
def before(stage: Stage) -> dict[str, list[str]]:
    return {dataset: stage.guids(stage.box, stage.replica(dataset)) for dataset in WITH_REPLICA}


@pytest.fixture(scope="module")
def plan(stage: Stage) -> dict[str, Json]:
    return {each["source"]: each for each in stage.zoffsite("plan", "--json").json["datasets"]}


@pytest.fixture(scope="module")
def report(stage: Stage, before: dict[str, list[str]], plan: dict[str, Json]) -> Json:
    return stage.backup(expect=4)


def test_the_plan_names_each_trouble_with_its_reason_and_a_remedy(plan: dict[str, Json]) -> None:
    assert {name: (each["action"], each["code"]) for name, each in plan.items() if each["code"]} == TROUBLED
    assert all(plan[dataset]["reason"] and "zfs " in plan[dataset]["remedy"] for dataset in TROUBLED)
    assert "@made on the box, unknown to the source" in plan[SNAPSHOT]["reason"]
    assert "no snapshot in common" in plan[ANEW]["reason"]
    assert "created anew" in plan[ANEW]["reason"]
    assert "none of the snapshots" in plan[FORGED]["reason"]


def test_a_run_refuses_the_same_for_the_same_reasons_and_sends_nothing_of_them(
    stage: Stage, before: dict[str, list[str]], plan: dict[str, Json], report: Json
) -> None:
    for dataset, (state, code) in TROUBLED.items():
        part = stage.part(report, dataset)
        assert (part["state"], part["error"]["code"], part["bytes"], part["verified"]) == (state, code, 0, False)
        assert part["error"]["remedy"] == plan[dataset]["remedy"]
    for dataset in set(WITH_REPLICA) & set(TROUBLED):
        kept = [guid for guid in stage.guids(stage.box, stage.replica(dataset)) if guid in before[dataset]]
        assert kept == before[dataset]


def test_the_others_go_on(stage: Stage, report: Json) -> None:
    assert report["state"] == "partial"
    part = stage.part(report, GOOD)
    assert (part["state"], part["verified"]) == ("sent", True)


def test_a_token_whose_snapshot_is_gone_is_given_up_and_the_dataset_sent_anew(
    stage: Stage, plan: dict[str, Json], report: Json
) -> None:
    assert plan[STALE]["action"] == "full"
    assert "can no longer be resumed" in plan[STALE]["reason"]
    part = stage.part(report, STALE)
    assert (part["state"], part["verified"]) == ("sent", True)
    assert part["bytes"] > 2_000_000


def test_the_remedies_typed_as_they_stand_let_the_next_run_finish(
    stage: Stage, plan: dict[str, Json], report: Json
) -> None:
    for dataset in TROUBLED:
        stage.box.run(last_command(plan[dataset]["remedy"]))
    done = stage.backup()
    assert {each["source"]: each["state"] for each in done["datasets"] if each["state"] != "sent"} == {
        GOOD: "up-to-date",
        STALE: "up-to-date",
    }
    assert all(each["verified"] for each in done["datasets"])


@pytest.mark.parametrize("trouble", ["mounted", "key-loaded"])
def test_nothing_is_sent_to_a_root_that_lies_open_until_it_is_shut(make_stage: MakeStage, trouble: str) -> None:
    """A root with a key of its own, as it could be on a box whose pool is encrypted."""
    stage = make_stage(f"open-{trouble}")
    stage.write("file", "20K")
    root = stage.root
    key = "-o encryption=on -o keyformat=raw -o keylocation=file:///root/open.key"
    stage.box.run("head -c 32 /dev/urandom > /root/open.key")
    stage.box.run(f"zfs destroy {root}; zfs create {key} -o canmount=noauto -o mountpoint=none -o readonly=on {root}")
    stage.box.run(f"zfs allow -u zoffsite create,destroy,mount,receive,send {root}")
    if trouble == "mounted":
        stage.box.run(f"zfs set mountpoint=/mnt/open {root}; zfs mount {root}")
    error = stage.part(stage.backup(expect=4))["error"]
    assert error["code"] == f"root-{trouble}"
    assert root in error["message"]
    stage.box.run(last_command(error["remedy"]))
    part = stage.part(stage.backup())
    assert (part["state"], part["verified"]) == ("sent", True)
