"""What only the ledger can know: a changed key, a box that lost something, an increment that nobody is used to.

All of it on one stage: each dataset has a history of its own, then something happens to it, and runs meet all of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

import pytest

from .conftest import MakeStage
from .stage import Done, Json, Stage

pytestmark = [pytest.mark.lab, pytest.mark.long]
TREE = "tank/memory"
QUIET, REWRITTEN, WIPED, FAMILY, BACK, GONE, THINNED, TWIN = (
    f"{TREE}/{name}" for name in ("quiet", "rewritten", "wiped", "family", "back", "gone", "thinned", "twin")
)
CHILD = f"{FAMILY}/child"
DATASETS = (QUIET, REWRITTEN, WIPED, FAMILY, CHILD, BACK, GONE, THINNED, TWIN)
HISTORY = [f"zoffsite-home-2026-01-0{day}T03:00:00Z" for day in range(1, 5)]
SMALL = {"ZOFFSITE_JOB__HOME__ALARM__AT_LEAST": "1 MB"}
"""An increment of so little is an alarm already, if it is far beyond the habit."""
ALARMS = {
    REWRITTEN: "unusual-increment",
    WIPED: "mostly-freed",
    BACK: "replica-rolled-back",
    GONE: "replica-lost",
    THINNED: "snapshots-lost",
}
HELD_BACK = {FAMILY: "key-changed", CHILD: "key-changed", TWIN: "another-source"}
KEEP = 3


def rewrite(dataset: str) -> str:
    """Every file of it gets other contents, as ransomware would have it."""
    return f"for f in /{dataset}/file*; do head -c 50K /dev/urandom > $f; done;"


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Stage:
    """Nine datasets of 2 MB with a history of small increments, all on the box."""
    made = make_stage("memory", datasets=[f"{TREE}/*"], keep_source="last = 10", keep_box=f"last = {KEEP}")
    key = "-o encryption=on -o keyformat=raw -o keylocation=file:///root/keys/family"
    made.source.run(
        f"head -c 32 /dev/urandom > /root/keys/family;"
        f"for d in {QUIET} {REWRITTEN} {WIPED} {BACK} {GONE} {THINNED} {TWIN}; do zfs create $d; done;"
        f"zfs create {key} {FAMILY}; zfs create {CHILD};"
        f"for d in {' '.join(DATASETS)}; do for n in $(seq 40); do head -c 50K /dev/urandom > /$d/file$n; done; done"
    )
    for name in HISTORY:
        made.source.run(
            f"for d in {' '.join(DATASETS)}; do head -c 50K /dev/urandom > /$d/file1; done;"
            f"zfs snapshot -r {TREE}@{name}"
        )
    first = made.backup(env=SMALL)
    assert all(part["state"] == "sent" and part["verified"] for part in first["datasets"])
    assert not notices(first)
    assert made.guids(made.box, made.replica(QUIET)) == made.guids(made.source, QUIET)[-KEEP:]
    return made


@pytest.fixture(scope="module")
def harmed(stage: Stage) -> Stage:
    """Something happens to all but one."""
    source, box = stage.source, stage.box
    source.run(
        f"{rewrite(REWRITTEN)} rm /{WIPED}/*; head -c 32 /dev/urandom > /root/keys/family2;"
        f"zfs change-key -o keylocation=file:///root/keys/family2 {FAMILY};"
        f"zfs clone {TWIN}@{HISTORY[-1]} {TREE}/other; zfs promote {TREE}/other;"
        f"zfs destroy {TWIN}; zfs rename {TREE}/other {TWIN};"
        f"for d in {QUIET} {FAMILY} {CHILD} {BACK} {GONE} {THINNED} {TWIN};"
        "do head -c 50K /dev/urandom > /$d/file1; done"
    )
    box.run(["zfs", "rollback", "-r", f"{stage.replica(BACK)}@{HISTORY[-2]}"])
    box.run(["zfs", "destroy", "-r", stage.replica(GONE)])
    box.run(["zfs", "destroy", f"{stage.replica(THINNED)}@{HISTORY[-2]}"])
    return stage


def notices(tree: Json) -> dict[str, Json]:
    """Those of the ledger, by their subjects; there may be others, such as those of old versions of OpenZFS."""
    ours = [each for each in tree["notices"] if each["code"] in {*ALARMS.values(), "ledger-unreadable"}]
    assert len({each["subject"] for each in ours}) == len(ours)
    return {each["subject"]: each for each in ours}


def codes(tree: Json) -> dict[str, str]:
    return {subject: each["code"] for subject, each in notices(tree).items()}


@pytest.fixture(scope="module")
def planned(harmed: Stage) -> Json:
    plan: Json = harmed.zoffsite("plan", "--json", env=SMALL).json
    return plan


@pytest.fixture(scope="module")
def replicas_before(harmed: Stage) -> Mapping[str, list[str]]:
    return {dataset: harmed.guids(harmed.box, harmed.replica(dataset)) for dataset in HELD_BACK}


@pytest.fixture(scope="module")
def report(harmed: Stage, planned: Json, replicas_before: Mapping[str, list[str]]) -> Json:
    return harmed.backup(env=SMALL, expect=4)


@pytest.fixture(scope="module")
def again(harmed: Stage, report: Json) -> Json:
    """The run after that, when something small has changed everywhere."""
    for dataset in DATASETS:
        harmed.write("file1", "50K", dataset)
    return harmed.backup(env=SMALL, expect=4)


@pytest.fixture(scope="module")
def answered(harmed: Stage, again: Json) -> tuple[Done, Done]:
    """A person says yes to all of it."""
    acknowledged = harmed.zoffsite("acknowledge", *ALARMS)
    return acknowledged, harmed.zoffsite("approve-key", *HELD_BACK)


@pytest.fixture(scope="module")
def after(harmed: Stage, answered: tuple[Done, Done]) -> Json:
    return harmed.backup(env=SMALL)


def test_a_rewritten_tree_a_wiped_one_and_all_that_the_box_lost_raise_an_alarm_each(report: Json) -> None:
    assert codes(report) == ALARMS
    assert all(each["alert"] and "zoffsite acknowledge" in each["remedy"] for each in notices(report).values())


def test_the_plan_shows_the_alarms_before_anything_is_done(harmed: Stage, planned: Json) -> None:
    assert codes(planned) == ALARMS
    pruned = {prune["dataset"] for prune in planned["prune"]}
    assert harmed.replica(QUIET) in pruned
    assert not pruned & {harmed.replica(dataset) for dataset in ALARMS}


def test_what_raises_an_alarm_is_sent_all_the_same(harmed: Stage, report: Json) -> None:
    for dataset in ALARMS:
        part = harmed.part(report, dataset)
        assert (part["state"], part["verified"]) == ("sent", True), dataset
    assert harmed.part(report, REWRITTEN)["bytes"] > 2_000_000


def test_nothing_is_pruned_of_a_dataset_while_its_alarm_stands(harmed: Stage, report: Json, again: Json) -> None:
    for run in (report, again):
        assert {each["source"] for each in run["datasets"] if each["pruned"]["box"]} == {QUIET}
    assert len(harmed.guids(harmed.box, harmed.replica(REWRITTEN))) == KEEP + 2


def test_a_standing_alarm_is_in_every_report_but_alerts_once(again: Json) -> None:
    assert codes(again) == ALARMS
    assert not any(each["alert"] for each in notices(again).values())


def test_a_changed_key_is_held_back_also_for_the_child_that_inherits_it(
    harmed: Stage, report: Json, replicas_before: Mapping[str, list[str]]
) -> None:
    for dataset in (FAMILY, CHILD):
        part = harmed.part(report, dataset)
        assert (part["state"], part["error"]["code"], part["bytes"]) == ("refused", "key-changed", 0)
        assert f"zoffsite approve-key {dataset} --job home" in part["error"]["remedy"]
        assert harmed.guids(harmed.box, harmed.replica(dataset)) == replicas_before[dataset]
        assert harmed.token(dataset) == "-", "something had left"


def test_a_clone_in_the_place_of_the_dataset_is_held_back_though_it_has_its_snapshots(
    harmed: Stage, planned: Json, report: Json, replicas_before: Mapping[str, list[str]]
) -> None:
    plan = next(each for each in planned["datasets"] if each["source"] == TWIN)
    assert (plan["action"], plan["code"]) == ("refused", "another-source")
    assert harmed.part(report, TWIN)["error"]["code"] == "another-source"
    assert harmed.guids(harmed.box, harmed.replica(TWIN)) == replicas_before[TWIN]


def test_the_others_go_on(harmed: Stage, report: Json) -> None:
    assert {each["source"] for each in report["datasets"] if each["state"] == "sent"} == {QUIET, *ALARMS}


def test_a_box_that_was_set_back_is_brought_up_to_date_from_where_it_is(harmed: Stage, report: Json) -> None:
    assert harmed.guids(harmed.box, harmed.replica(BACK))[-3:-1] == harmed.guids(harmed.source, BACK)[-3:-1]
    assert harmed.part(report, BACK)["verified"]


def test_a_person_is_told_what_was_said_yes_to(answered: tuple[Done, Done]) -> None:
    acknowledged, approved = answered
    assert all(dataset in acknowledged.out for dataset in ALARMS)
    assert all(dataset in approved.out for dataset in HELD_BACK)
    assert "Next: zoffsite backup --job home" in approved.said


def test_after_that_everything_is_sent_and_pruned_and_said_no_more(harmed: Stage, after: Json) -> None:
    assert not notices(after)
    assert {each["source"] for each in after["datasets"] if each["state"] == "sent"} == set(HELD_BACK)
    for dataset in DATASETS:
        on_box = harmed.guids(harmed.box, harmed.replica(dataset))
        assert on_box == harmed.guids(harmed.source, dataset)[-KEEP:], dataset


def test_an_acknowledgement_without_an_alarm_is_a_mistake(harmed: Stage, after: Json) -> None:
    assert "no alarm stands" in harmed.zoffsite("acknowledge", QUIET, expect=2).said


def test_the_approved_key_opens_the_replica_and_the_one_before_does_not(harmed: Stage, after: Json) -> None:
    restored = harmed.restore(CHILD, "restored", "family2")
    harmed.source.run(f"zfs mount {restored}; diff -r /{restored} /{CHILD}; zfs unmount {restored}")
    harmed.source.run(f"zfs unload-key {restored}")
    assert harmed.source.try_run(f"zfs load-key -L file:///root/keys/family {restored}").code != 0


def test_an_unreadable_ledger_stops_no_backup_but_all_pruning(harmed: Stage, after: Json) -> None:
    ledger = harmed.folder / "state" / "ledger.sqlite"
    ledger.write_bytes(b"this is no database" * 1000)
    harmed.write("file2", "50K", QUIET)
    done = harmed.backup(env=SMALL)
    assert (harmed.part(done, QUIET)["state"], harmed.part(done, QUIET)["verified"]) == ("sent", True)
    assert sum(each["pruned"]["box"] + each["pruned"]["source"] for each in done["datasets"]) == 0
    (notice,) = notices(done).values()
    assert (notice["code"], notice["alert"]) == ("ledger-unreadable", True)
    _, _, move = notice["remedy"].partition(": ")
    assert move == f"mv {ledger} {ledger}.broken"
    ledger.rename(f"{ledger}.broken")

    healed = harmed.backup(env=SMALL)
    assert not notices(healed)
    assert harmed.part(healed, QUIET)["pruned"]["box"] == 1
    with sqlite3.connect(ledger) as db:
        known = {row[0] for row in db.execute("SELECT guid FROM sent WHERE gone = 0 AND dataset = ?", (QUIET,))}
    assert known == set(harmed.guids(harmed.box, harmed.replica(QUIET)))


@pytest.fixture(scope="module")
def broken_off(make_stage: MakeStage) -> Stage:
    """A tree that was rewritten, and the run that sends it is killed in the middle; then its key is changed."""
    made = make_stage("memory2", keep_box="last = 1")
    made.source.run(f"for n in $(seq 60); do head -c 50K /dev/urandom > /{made.tree}/file$n; done")
    for name in HISTORY:
        made.source.run(f"head -c 50K /dev/urandom > /{made.tree}/file1; zfs snapshot {made.tree}@{name}")
    made.backup(env=SMALL)
    made.source.run(rewrite(made.tree))
    run = made.under_way(env=SMALL)
    run.kill()
    run.communicate()
    made.source.run(
        f"head -c 32 /dev/urandom > /root/keys/new; zfs change-key -o keylocation=file:///root/keys/new {made.tree}"
    )
    return made


def test_a_key_changed_in_the_middle_of_a_transfer_is_held_back_too_and_the_alarm_outlives_a_kill(
    broken_off: Stage,
) -> None:
    token = broken_off.token()
    assert token != "-"
    held = broken_off.held()
    report = broken_off.backup(env=SMALL, expect=4)
    assert broken_off.part(report)["error"]["code"] == "key-changed"
    assert (broken_off.token(), broken_off.held()) == (token, held)
    (notice,) = notices(report).values()
    assert (notice["code"], notice["alert"]) == ("unusual-increment", True)  # the killed run could tell nobody


def test_approved_it_is_resumed_and_still_nothing_is_pruned_even_if_the_ledger_missed_the_send(
    broken_off: Stage,
) -> None:
    broken_off.zoffsite("approve-key", broken_off.tree)
    assert broken_off.plan()["action"] == "resume"
    report = broken_off.backup(env=SMALL)
    part = broken_off.part(report)
    assert (part["state"], part["verified"], part["pruned"]["box"]) == ("sent", True, 0)
    assert part["bytes"] < 3_000_000
    with sqlite3.connect(broken_off.folder / "state" / "ledger.sqlite") as db:  # as if killed before it was written
        assert db.execute("DELETE FROM sent WHERE guid = ?", (part["guid"],)).rowcount == 1
    report = broken_off.backup(env=SMALL)
    (notice,) = notices(report).values()
    assert (notice["code"], notice["alert"]) == ("unusual-increment", False)
    assert broken_off.part(report)["pruned"]["box"] == 0
    assert len(broken_off.names(broken_off.box, broken_off.replica())) == 2
