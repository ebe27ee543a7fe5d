"""Full, incremental, nothing to do, from a bookmark: the life of a backup, in this order on one stage."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime

import pytest

from .conftest import MakeStage
from .stage import Json, Stage

pytestmark = pytest.mark.lab
TREE = "tank/good"
DOCS, DISK, CACHE, PLAIN = f"{TREE}/docs", f"{TREE}/disk", f"{TREE}/cache", "tank/good-plain"
SENT = (TREE, DISK, DOCS)


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Stage:
    made = make_stage("good", datasets=[TREE, PLAIN], exclude=[CACHE])
    made.source.run(
        f"zfs create {DOCS}; zfs create {CACHE}; zfs create {PLAIN}; zfs create -V 8M -o volblocksize=16K {DISK};"
        f"udevadm settle; head -c 200K /dev/urandom | dd of=/dev/zvol/{DISK} bs=8K conv=fsync status=none"
    )
    made.write("letter", "300K")
    made.write("sea", "300K", DOCS)
    made.write("secret", "16K", PLAIN)
    return made


@pytest.fixture(scope="module")
def first(stage: Stage) -> Json:
    return stage.backup(expect=4)


def test_the_plan_shows_every_dataset_and_the_snapshots_that_a_run_would_take(stage: Stage) -> None:
    plan = stage.zoffsite("plan", "--json").json
    assert {each["source"]: each["action"] for each in plan["datasets"]} == {
        TREE: "full",
        DISK: "full",
        DOCS: "full",
        PLAIN: "refused",
    }
    tree = plan["datasets"][0]
    assert (tree["base"], tree["to"]["planned"], tree["to"]["guid"]) == (None, True, None)
    assert tree["estimated_bytes"] > 300_000
    assert stage.names(stage.source, TREE) == []


def test_the_first_run_sends_what_is_encrypted_and_refuses_by_name_what_is_not(stage: Stage, first: Json) -> None:
    assert first["state"] == "partial"
    for dataset in SENT:
        part = stage.part(first, dataset)
        assert (part["state"], part["verified"], part["error"]) == ("sent", True, None)
        assert part["guid"] == stage.guids(stage.box, stage.replica(dataset))[-1]
    refused = stage.part(first, PLAIN)
    assert (refused["state"], refused["error"]["code"], refused["verified"]) == ("refused", "not-encrypted", False)
    assert PLAIN in refused["error"]["message"]
    assert f'exclude = ["{PLAIN}"]' in refused["error"]["remedy"]
    assert stage.names(stage.source, PLAIN) == []
    stage.configure(datasets=[TREE])


def test_the_excluded_and_the_unencrypted_dataset_never_appear_on_the_box(stage: Stage, first: Json) -> None:
    there = stage.box.run(["zfs", "list", "-Hpro", "name", stage.root]).split()
    assert sorted(there) == sorted([stage.root, *(stage.replica(dataset) for dataset in SENT)])


def test_the_box_has_ciphertext_only(stage: Stage, first: Json) -> None:
    rows = stage.box.run(["zfs", "list", "-Hpro", "name,encryption,keystatus,mounted,readonly", stage.root])
    replicas = [row.split("\t") for row in rows.splitlines() if row.split("\t")[0] != stage.root]
    assert sorted(row[0] for row in replicas) == sorted(map(stage.replica, SENT))
    assert [row[1:] for row in replicas] == [
        ["aes-256-gcm", "unavailable", "-" if "disk" in row[0] else "no", "on"] for row in replicas
    ]


def test_the_snapshots_of_one_pool_are_of_one_instant_and_named_in_utc(stage: Stage, first: Json) -> None:
    rows = [
        stage.source.run(["zfs", "list", "-Hpd1", "-t", "snapshot", "-o", "createtxg,creation,name", dataset]).split()
        for dataset in SENT
    ]
    assert len({(row[0], row[2].split("@")[1]) for row in rows}) == 1
    name = rows[0][2].split("@")[1]
    assert re.fullmatch(r"zoffsite-home-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", name)
    named = datetime.strptime(name, "zoffsite-home-%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    # The guest's clock is set to ours when it wakes; the machines are slow.
    assert abs(named.timestamp() - int(rows[0][1])) < 60


def test_the_next_run_sends_only_the_change_and_keeps_one_bookmark_of_what_the_box_has(
    stage: Stage, first: Json
) -> None:
    stage.source.run(["zfs", "bookmark", f"{TREE}@{stage.part(first)['snapshot']}", f"{TREE}#mine: a.b-c"])
    ours = f"zoffsite-home-{int(stage.part(first)['guid']):016x}"
    assert sorted(stage.names(stage.source, TREE, "bookmark")) == ["mine: a.b-c", ours]
    stage.write("second", "40K")
    report = stage.backup()
    part = stage.part(report)
    assert (report["state"], part["state"], part["verified"]) == ("ok", "sent", True)
    assert 40_000 < part["bytes"] < 200_000
    assert [stage.part(report, dataset)["state"] for dataset in (DISK, DOCS)] == ["up-to-date"] * 2
    assert sorted(stage.names(stage.source, TREE, "bookmark")) == [
        "mine: a.b-c",
        f"zoffsite-home-{int(part['guid']):016x}",
    ]


def test_a_run_with_nothing_to_do_takes_three_commands_whatever_the_number_of_datasets(stage: Stage) -> None:
    for _ in range(2):  # what was sent just now is listed twice before it counts as unchanged
        stage.backup()
    done = stage.zoffsite("--verbose", "backup", "--direct", "--json")
    assert {each["state"] for each in done.json["datasets"]} == {"up-to-date"}
    assert all(each["verified"] and each["bytes"] == 0 for each in done.json["datasets"])
    assert [" ".join(words[:2]) for words in commands(done.err, "root@")] == ["zpool sync", "zfs list"]
    assert [" ".join(words[:2]) for words in commands(done.err, "zoffsite@")] == ["zfs list"]


def test_with_the_common_snapshot_destroyed_the_next_run_goes_on_from_the_bookmark(stage: Stage) -> None:
    newest = stage.names(stage.source, TREE)[-1]
    stage.source.run(["zfs", "destroy", f"{TREE}@{newest}"])
    stage.write("third", "40K")
    done = stage.zoffsite("--verbose", "backup", "--direct", "--json")
    part = stage.part(done.json)
    assert (part["state"], part["verified"]) == ("sent", True)
    sends = [words for words in commands(done.err, "root@") if words[:2] == ["zfs", "send"]]
    (sent,) = [words for words in sends if "-n" not in words]  # one with it only asks for the size
    assert sent[3:5] == ["-i", sent[4]]
    assert sent[4].startswith(f"{TREE}#zoffsite-home-")
    assert part["bytes"] < 200_000


def test_what_comes_back_is_what_was_sent(stage: Stage) -> None:
    for dataset, name in ((TREE, "good-back"), (DOCS, "good-docs-back")):
        restored = stage.restore(dataset, name, TREE)
        stage.source.run(["zfs", "mount", restored])
        assert hashes(stage, restored) == hashes(stage, dataset) != ""
    stage.restore(DISK, "good-disk-back", TREE)
    both = stage.source.run(f"udevadm settle; sha256sum /dev/zvol/{DISK} /dev/zvol/tank/good-disk-back").split()
    assert both[0] == both[2]


def test_verify_and_status_find_all_well(stage: Stage) -> None:
    verified = stage.zoffsite("verify")
    assert "3 of 3 replicas verified" in verified.said
    status = stage.zoffsite("status", "--json").json[0]
    assert [(each["freshness"], each["good"]) for each in status["replicas"]] == [("ok", True)] * 3
    assert [each["base"]["bookmark"] for each in status["replicas"]] == [True] * 3
    assert status["capacity"]["free"] > 0
    assert (status["error"], status["last_run"]["state"], status["running"]) == (None, "ok", None)


def test_with_the_source_silent_the_status_says_how_old_each_replica_is_by_the_word_of_the_box(stage: Stage) -> None:
    stage.configure(patience="5s")
    stage.source.cut_uplink()
    try:
        (status,) = stage.zoffsite("status", "--json", expect=3).json
        monitor = stage.zoffsite("status", "--nagios", expect=1)
        shown = stage.zoffsite("status", expect=3)
    finally:
        stage.source.restore_uplink()
        stage.configure(patience="20s")
    assert {each["source"] for each in status["replicas"]} == set(SENT)
    assert {(each["freshness"], each["word"], each["good"]) for each in status["replicas"]} == {("ok", "box", False)}
    assert all(0 <= each["age_seconds"] < 86400 for each in status["replicas"])
    assert status["error"] is not None
    assert status["capacity"]["free"] > 0
    words = "by the box's word alone, 3 of 3 replicas are within their objective"
    assert monitor.out.startswith(f"ZOFFSITE WARNING - 0 of 3 replicas are good; home: {words} | ")
    assert words in shown.said


def test_an_exclusion_that_takes_nothing_out_is_told(stage: Stage) -> None:
    slip = f"{TREE}/chache"
    stage.configure(exclude=[CACHE, slip])
    told = [each["subject"] for each in stage.backup()["notices"] if each["code"] == "exclusion-matches-nothing"]
    assert told == [slip]
    assert f"{slip}: the exclusion of job home" in stage.zoffsite("config", "check", expect=1).said
    stage.configure(exclude=[CACHE])


def hashes(stage: Stage, dataset: str) -> str:
    """The SHA-256 of each file, children left out."""
    return stage.source.run(f"cd /{dataset} && find . -xdev -type f -exec sha256sum {{}} + | sort -k2")


def commands(log: str, host: str) -> list[list[str]]:
    """The commands that --verbose says were run on a host, each as words."""
    found = re.findall(rf"^\S+ {host}\S+: \$ (.*)$", log, re.MULTILINE)
    return [shlex.split(line) for line in found]
