"""A rehearsed restore on real ZFS, through the gate: what the box has comes back whole, what it has not is an alarm."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager

import pytest

from lab import Lab
from zoffsite.planning.canary import DATA, FILE

from .conftest import MakeStage
from .forged import flipped, replayed, shortened
from .stage import SOME, Json, Stage, await_true
from .test_gate import LIBRARY, TUNNEL, USER, grant

pytestmark = [pytest.mark.lab, pytest.mark.long]

HONEST = f"{LIBRARY}/honest"
SCRATCH = "tank/zoffsite-drill-home"
SLOW = {"ZOFFSITE_JOB__HOME__DRILL__BANDWIDTH": "400 KB/s"}
KINDS = """\
cd /{tree}
mkdir -p deep/er; for i in 1 2 3; do echo small$i >deep/small$i; done
head -c 2M /dev/urandom >random
truncate -s 4M sparse; printf x | dd of=sparse bs=1 seek=3000000 conv=notrunc status=none
ln random linked; ln -s random pointing; mkfifo pipe; chown 1000:100 deep; chmod 4750 deep/small2
touch -d 2001-02-03 deep/small1
python3 -c 'import os; os.setxattr("random", "user.long", b"x" * 40000); os.setxattr("deep", "user.dir", b"y")'
zpool sync tank
"""


@pytest.fixture(scope="module")
def stage(lab: Lab, make_stage: MakeStage) -> Stage:
    """Files of all kinds, a volume and a canary, two backups of them, a box of the kit."""
    tunnel = TUNNEL.format(restore=lab.key_file.with_name("restore"))
    stage = make_stage("drill", box_user=USER, box=tunnel, snapshots='take = "always"')
    stage.environment = {"ZOFFSITE_JOB__HOME__DRILL__CANARY": f"{stage.tree}/canary"}
    grant(stage.lab, stage.root, floor_days=30)
    run = stage.source.run
    run(f"zfs set xattr=sa acltype=posixacl {stage.tree}; zfs create -V 2M -o volblocksize=16K {stage.tree}/disk")
    run(f"udevadm settle; test -b /dev/zvol/{stage.tree}/disk; head -c 2M /dev/urandom >/dev/zvol/{stage.tree}/disk")
    run(f"zfs create {stage.tree}/canary")
    run(KINDS.format(tree=stage.tree))
    stage.backup()
    stage.write("later", "300K")
    stage.backup()
    return stage


def drill(stage: Stage, *words: str, expect: int = 0, env: Mapping[str, str] | None = None) -> Json:
    """The first drill of a run."""
    report: Json = stage.zoffsite("drill", "--json", *words, expect=expect, env=env).json
    return dict(report["drills"][0]) if report["drills"] else report


def drilled_in_turn(stage: Stage, env: Mapping[str, str] | None = None) -> dict[str, Json]:
    """All drills of a run for which nothing was named, by dataset."""
    return {each["dataset"]: each for each in stage.zoffsite("drill", "--json", env=env).json["drills"]}


def left_over(stage: Stage) -> list[str]:
    """What a drill has made, and is still there."""
    return [name for name in stage.source.run("zfs list -Ho name").split() if "zoffsite-drill" in name]


def alarm_stood(stage: Stage, dataset: str) -> bool:
    """Whether a drill has raised an alarm, which ends with that."""
    return "acknowledged:" in stage.zoffsite("acknowledge", dataset).said


@contextmanager
def lying(stage: Stage, body: str) -> Iterator[None]:
    """While the block lasts, the gate answers `send` by a script of shell."""
    script = f'case "$SSH_ORIGINAL_COMMAND" in "send "*) {body};; *) exec {HONEST} "$@";; esac'
    stage.box.run(f"mv {LIBRARY}/gate {HONEST}")
    stage.box.put(f"#!/bin/bash\n{script}\n".encode(), f"{LIBRARY}/gate", 0o755)
    try:
        yield
    finally:
        stage.box.run(f"mv {HONEST} {LIBRARY}/gate")


def test_turn_by_turn_everything_comes_back_whole_and_nothing_stays_of_it(stage: Stage) -> None:
    first, second = (drilled_in_turn(stage) for _ in range(2))
    for each in (*first.values(), *second.values()):
        assert (each["state"], each["error"], each["compared"]["differ"]) == ("passed", None, 0)
        assert each["recovery_seconds"] > 0
    assert set(first) & set(second) == {f"{stage.tree}/canary"}
    by_name = first | second
    assert set(by_name) == {stage.tree, f"{stage.tree}/disk", f"{stage.tree}/canary"}
    entries = int(stage.source.run(f"find /{stage.tree} -xdev | wc -l"))
    assert by_name[stage.tree]["compared"]["entries"] == entries
    assert by_name[f"{stage.tree}/disk"]["compared"]["bytes"] == 2 << 20
    assert left_over(stage) == []
    assert "zoffsite-drill" not in stage.source.run("cat /proc/mounts")
    status = stage.zoffsite("status", "--json").json[0]
    assert status["evidence"][stage.tree]["drill_passed"] is True
    assert (status["recovery"]["by"], status["recovery"]["seconds"] > 0) == ("drills", True)


def test_the_canary_comes_back_with_every_drill_though_only_others_have_turns(stage: Stage) -> None:
    disk, canary = f"{stage.tree}/disk", f"{stage.tree}/canary"
    named = {"ZOFFSITE_JOB__HOME__DRILL__DATASETS": json.dumps([disk])}
    for _ in range(2):
        drilled = drilled_in_turn(stage, env=named)
        assert {name: each["state"] for name, each in drilled.items()} == {canary: "passed", disk: "passed"}


def test_the_scratch_may_be_in_another_pool_of_which_nothing_stays_and_a_volume_s_may_not(stage: Stage) -> None:
    run, elsewhere = stage.source.run, {"ZOFFSITE_JOB__HOME__DRILL__SCRATCH": "fast/drill"}
    run("zpool create -f -o cachefile=none -O canmount=off -O mountpoint=none fast /dev/vdc1")
    try:
        tree = drill(stage, stage.tree, env=elsewhere)
        volume = drill(stage, f"{stage.tree}/disk", expect=1, env=elsewhere)
        there, done = run("zfs list -Hro name fast").split(), run("zpool history fast")
    finally:
        run("zpool destroy -f fast")
    assert (tree["state"], tree["error"], tree["compared"]["differ"]) == ("passed", None, 0)
    assert tree["compared"]["bytes"] > 2 << 20
    assert (volume["state"], volume["error"]["code"]) == ("failed", "scratch-elsewhere")
    assert there == ["fast"]
    assert "fast/drill/back" in done


@pytest.mark.parametrize(
    ("lie", "state", "words"),
    [
        ("flipped", "different", "cannot be read from byte"),
        ("shortened", "different", "came back from the box, but"),
        ("replayed", "different", "came back from the box, but"),
        ("truncated", "failed", "did not arrive whole"),
    ],
)
def test_what_did_not_come_back_as_it_was_is_found(stage: Stage, lie: str, state: str, words: str) -> None:
    """The first three with all checksums made to fit."""
    oldest, newest = stage.names(stage.box, stage.replica())[:2]
    inode = int(stage.source.run(f"stat -c %i /{stage.tree}/random"))
    forgeries: dict[str, Callable[[], bytes]] = {
        "flipped": lambda: flipped(stage.sent_by_box(newest), inode),
        "shortened": lambda: shortened(stage.sent_by_box(newest), inode),
        "replayed": lambda: replayed(stage.sent_by_box(oldest), int(stage.guids(stage.box, stage.replica())[1])),
        "truncated": lambda: stage.sent_by_box(newest)[:1_000_000],
    }
    stage.box.put(forgeries[lie](), "/usr/local/share/lie")
    with lying(stage, "cat /usr/local/share/lie"):
        one = drill(stage, stage.tree, expect=1)
    assert one["state"] == state
    assert words in one["error"]["message"]
    assert state == "failed" or alarm_stood(stage, stage.tree)
    assert left_over(stage) == []


def test_a_canary_of_another_time_is_an_alarm(stage: Stage) -> None:
    canary = f"{stage.tree}/canary"
    with closing(sqlite3.connect(stage.folder / "state/ledger.sqlite")) as ledger:
        assert ledger.execute("UPDATE canaries SET sha256 = 'another'").rowcount == 2
        ledger.commit()
    one = drill(stage, canary, expect=1)
    assert (one["state"], "the canary" in one["error"]["message"]) == ("different", True)
    assert alarm_stood(stage, canary)


def test_the_canary_names_the_run_of_the_report_and_lists_what_is_beside_it(stage: Stage) -> None:
    canary = f"{stage.tree}/canary"
    run = stage.backup()["run"]
    said = json.loads(stage.source.run(f"cat /{canary}/{FILE}"))
    (digest, _) = stage.source.run(f"sha256sum /{canary}/{DATA}").split()
    assert (said["run"], said["files"]) == (run, {DATA: digest})
    assert drill(stage, canary)["state"] == "passed"


def test_a_replica_of_another_history_fails_the_run(stage: Stage) -> None:
    replica = stage.replica(f"{stage.tree}/disk")
    with stage.box.popen(
        ["zfs", "send", "-w", f"{stage.replica()}@{stage.names(stage.box, stage.replica())[0]}"]
    ) as it:
        assert it.stdout is not None
        stream = it.stdout.read()
    stage.box.run(f"zfs rename {replica} {replica}-aside")
    stage.box.run(["zfs", "receive", "-u", replica], stdin=stream)
    try:
        report = drill(stage, f"{stage.tree}/disk", expect=1)
    finally:
        stage.box.run(f"zfs destroy -r {replica}; zfs rename {replica}-aside {replica}")
    assert (report["foreign"], report["datasets"][0]["error"]["code"]) == (
        [f"{stage.tree}/disk"],
        "no-common-snapshot",
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_stopped_or_killed_in_the_middle_nothing_stays_for_long(stage: Stage, how: signal.Signals) -> None:
    run = stage.start("drill", stage.tree, env=SLOW)

    def begun() -> bool:
        used = int(stage.source.try_run(f"zfs list -Hpo used {SCRATCH}").out or 0)
        return used > SOME or run.poll() is not None

    await_true(begun, "some of it is there")
    assert run.poll() is None, run.communicate()
    run.send_signal(how)
    run.communicate(timeout=300)
    if how is signal.SIGINT:
        assert run.returncode == 130
    else:
        assert SCRATCH in left_over(stage)
        assert drill(stage, f"{stage.tree}/disk")["state"] == "passed"
    assert left_over(stage) == []


def test_a_dataset_that_no_drill_has_made_is_never_touched(stage: Stage) -> None:
    stage.source.run(f"zfs create -o zoffsite:drill=home tank/marked; zfs create -o mountpoint=none {SCRATCH}")
    try:
        one = drill(stage, f"{stage.tree}/canary", expect=1)
        assert (one["state"], one["error"]["code"]) == ("failed", "scratch-exists")
        assert left_over(stage) == [SCRATCH]
        assert stage.source.run("zfs list -Ho name tank/marked").split() == ["tank/marked"]
    finally:
        stage.source.run(f"zfs destroy tank/marked; zfs destroy {SCRATCH}")
