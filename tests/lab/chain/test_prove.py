"""Proof without keys, on real ZFS of two versions: what the box holds is proved, what it does not hold is an alarm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab import Lab

from .churn import day
from .conftest import MakeStage
from .forged import shortened
from .impostor import REAL, impostor
from .stage import Json, Stage

pytestmark = pytest.mark.lab

MIXTURE = """\
cd /{tree}
for i in 1 2 3; do echo small$i >small$i; done
head -c 2M /dev/urandom >random; yes text | head -c 1M >text; cp text twice
zfs set recordsize=16M compression=zstd {tree}; yes large | head -c 17M | dd of=large bs=17M iflag=fullblock status=none
zfs set recordsize=4K compression=off {tree}; head -c 40K /dev/urandom >tiny
zfs set recordsize=128K compression=lz4 {tree}
truncate -s 5M sparse; printf x | dd of=sparse bs=1 seek=3000000 conv=notrunc status=none
python3 -c 'import os; os.setxattr("random", "user.long", b"x" * 40000)'
ln text linked; mkdir -p deep/er; mv small3 deep/er/
zpool sync tank
"""
LATER = """\
cd /{tree}
truncate -s 100K random; printf y | dd of=text bs=1 seek=50000 conv=notrunc status=none; rm small1
head -c 300K /dev/urandom >more
printf z | dd of=/dev/zvol/{tree}/disk bs=1 seek=70000 conv=notrunc status=none
zpool sync tank
"""
DISK = "/dev/vdc1"
SEEDS = (5, 6)
"""Of days of changes: one that once went wrong stays here."""
SHORT = "/usr/local/share/short"
FLIPPER = "/usr/local/share/flip.py"
FLIP = """\
import struct, sys
data = bytearray(sys.stdin.buffer.read())
at = 0
while True:
    kind, payload, logical, compressed = struct.unpack_from("<II24xQ56xQ", data, at)
    assert kind != 5, "no write"
    if kind == 3:
        break
    bonus, raw = struct.unpack_from("<28xI4xI", data, at)
    at += 312 + (payload if kind == 0 else (raw or (bonus + 7) // 8 * 8) if kind == 1 else 0)
data[at + 312 + (compressed or logical) // 2] ^= 1
sys.stdout.buffer.write(data)
"""
"""One bit of the first block."""


@pytest.fixture(scope="module")
def stage(lab: Lab, make_stage: MakeStage) -> Iterator[Stage]:
    """Two backups of files of all kinds and of a volume, in a pool that keeps blocks otherwise than the source's.

    On a source that has just been started, and written at once: ZFS lets a record grow with each write, in pieces of
    memory that are all of another size, and in a gigabyte that others have used it may look for the next one for ever.
    """
    lab.source.restart_blank()
    stage = make_stage("prove", snapshots='take = "always"')
    run = stage.source.run
    stage.box.run(f"zpool create -f -o ashift=9 -o cachefile=none -O canmount=off narrow {DISK}")
    stage.root = "narrow/prove"
    stage.box.prepare_box(stage.root)
    stage.box.run(f"zfs set checksum=sha512 dedup=on {stage.root}")
    stage.configure()
    run("echo 16777216 >/sys/module/zfs/parameters/zfs_max_recordsize")
    run(f"zfs set xattr=sa dnodesize=auto compression=lz4 {stage.tree}")
    run(f"zfs create -V 2M -o volblocksize=16K {stage.tree}/disk; udevadm settle; test -b /dev/zvol/{stage.tree}/disk")
    run(f"head -c 2M /dev/urandom >/dev/zvol/{stage.tree}/disk")
    run(MIXTURE.format(tree=stage.tree))
    stage.backup()
    run(LATER.format(tree=stage.tree))
    stage.backup()
    stage.box.run(f"zfs allow -u zoffsite send {stage.root}")
    yield stage
    stage.box.run("zpool destroy -f narrow")


@pytest.fixture(autouse=True)
def without_alarms(stage: Stage) -> Iterator[None]:
    """Each test ends the alarms that it raises."""
    yield
    stage.start("acknowledge", stage.tree).communicate(timeout=300)


def prove(stage: Stage, *words: str, expect: int = 0) -> Json:
    report: Json = stage.zoffsite("prove", "--json", *words, expect=expect).json
    return report


def states(report: Json) -> list[tuple[str, bool, str]]:
    """Dataset, whether it is an increment, and how it ended."""
    return sorted((each["dataset"], each["base"] is not None, each["state"]) for each in report["proofs"])


def test_all_that_the_box_holds_is_proved_without_a_key_and_then_nothing_is_due(stage: Stage) -> None:
    done = stage.zoffsite("prove", "--json")
    first = done.json
    assert "home (proving): ended after" in done.err
    assert states(first) == [
        (stage.tree, False, "proved"),
        (stage.tree, True, "proved"),
        (f"{stage.tree}/disk", False, "proved"),
        (f"{stage.tree}/disk", True, "proved"),
    ]
    assert sum(each["bytes"] for each in first["proofs"]) > 2_000_000
    again = prove(stage)
    assert (again["proofs"], again["fresh"]) == ([], 4)
    assert stage.box.run(["zfs", "get", "-Hpo", "value", "keystatus", stage.replica()]).strip() == "unavailable"


def test_what_the_source_has_no_more_is_proved_by_challenges_each_used_once(stage: Stage) -> None:
    oldest = stage.names(stage.source, stage.tree)[0]
    stage.source.run(["zfs", "destroy", f"{stage.tree}@{oldest}"])

    def ask(expect: int = 0) -> list[tuple[bool, str]]:
        proofs = prove(stage, "--dataset", stage.tree, "--within", "0", expect=expect)["proofs"]
        return sorted((each["by_challenge"], each["state"]) for each in proofs)

    assert ask() == [(False, "proved"), (True, "proved")]
    stage.box.put(FLIP.encode(), FLIPPER)
    with impostor(stage.box, "zoffsite", "send", f'{REAL} "$@" | python3 {FLIPPER}'):
        assert ask(1) == [(False, "different"), (True, "different")]
    assert ask() == [(False, "proved"), (True, "proved")]
    assert ask() == [(False, "proved")]


def test_it_stays_proved_after_the_key_was_changed_and_snapshots_in_between_are_gone(stage: Stage) -> None:
    stage.write("third", "100K")
    stage.backup()
    middle = stage.names(stage.box, stage.replica())[1]
    stage.box.run(f"zfs destroy {stage.replica()}@{middle}")
    stage.source.run(
        f"head -c 32 /dev/urandom >/root/keys/new; zfs change-key -l -o keylocation=file:///root/keys/new {stage.tree}"
    )
    report = prove(stage, "--dataset", stage.tree, "--within", "0")
    assert [each for each in states(report) if each[2] != "proved"] == []


@pytest.mark.parametrize(
    ("lie", "state"),
    [
        (f'{REAL} "$@" | python3 {FLIPPER}', "different"),
        (f'{REAL} "$@" | head -c 312; {REAL} send -w {{oldest}} | tail -c +313', "different"),
        (f'{REAL} "$@" | head -c 312; {REAL} send -w {{other}} | tail -c +313', "different"),
        (f"cat {SHORT}", "different"),
        (f'{REAL} "$@" | head -c 100000', "failed"),
    ],
    ids=[
        "one flipped bit",
        "an old snapshot under the new guid",
        "another dataset under its guid",
        "a missing block",
        "a part of it",
    ],
)
def test_what_the_box_does_not_hold_is_not_proved_and_an_alarm_stands(stage: Stage, lie: str, state: str) -> None:
    stage.box.put(FLIP.encode(), FLIPPER)
    there = stage.names(stage.box, stage.replica())
    shared = next(name for name in stage.names(stage.source, stage.tree) if name in there)
    inode = int(stage.source.run(f"stat -c %i /{stage.tree}/random"))
    stage.box.put(shortened(stage.sent_by_box(shared), inode), SHORT)
    oldest, disk = f"{stage.replica()}@{there[0]}", stage.replica(f"{stage.tree}/disk")
    other = f"{disk}@{stage.names(stage.box, disk)[-1]}"
    with impostor(stage.box, "zoffsite", "send", lie.format(oldest=oldest, other=other)):
        report = prove(stage, "--dataset", stage.tree, "--within", "0", expect=1)
    (full,) = (each for each in report["proofs"] if each["base"] is None)
    assert full["state"] == state
    assert not [each for each in states(report) if each[2] == "proved"]
    notices = stage.zoffsite("plan", "--json").json["notices"]
    alarms = [each for each in notices if each["code"] == "proof-failed" and each["subject"] == stage.tree]
    assert bool(alarms) == (state == "different")


def test_whatever_is_done_to_the_data_it_is_proved(stage: Stage) -> None:
    stage.zoffsite("approve-key", stage.tree, f"{stage.tree}/disk")  # it was changed above
    for seed in SEEDS:
        stage.source.run(day(stage.tree, seed))
        stage.backup()
    report = prove(stage, "--dataset", stage.tree)
    assert [each for each in states(report) if each[2] != "proved"] == []
    assert len(report["proofs"]) >= len(SEEDS)


def test_of_a_child_that_was_destroyed_its_challenges_are_asked_and_the_rest_is_beyond_proof(stage: Stage) -> None:
    child = f"{stage.tree}/child"
    stage.source.run(["zfs", "create", child])
    for name in ("one", "two"):
        stage.write(name, "300K", child)
        stage.backup()
    assert states(prove(stage, "--dataset", child)) == [(child, False, "proved"), (child, True, "proved")]
    stage.source.run(["zfs", "destroy", "-r", child])
    report = prove(stage, "--within", "0")
    asked = [each for each in report["proofs"] if each["dataset"] == child]
    assert [(each["by_challenge"], each["state"]) for each in asked] == [(True, "proved")]
    assert report["beyond_proof"][child] == 1
    assert child not in report["unprovable"]


def test_a_box_that_may_not_send_is_told_how_to(stage: Stage) -> None:
    stage.box.run(f"zfs unallow -u zoffsite send {stage.root}")
    try:
        report = prove(stage, "--dataset", stage.tree, "--within", "0", expect=1)
    finally:
        stage.box.run(f"zfs allow -u zoffsite send {stage.root}")
    error = report["proofs"][0]["error"]
    assert error["code"] == "not-permitted"
    assert "zfs allow -u zoffsite send" in error["remedy"]
