"""A plan is made of what the machines say: here a `zfs` that tells how long a stream would be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.hosts.test_endpoint import row
from tests.planning.make import JOB, REPLICA, mark, replica, replica_dataset, snap, source, there
from zoffsite.actions.look import BoxFacts
from zoffsite.actions.memory import Record, ledger_of
from zoffsite.actions.plan import expected_prunes, find_common_base, plan_dataset
from zoffsite.hosts.connections import Connections
from zoffsite.model.family import ALONE
from zoffsite.model.inventory import DatasetState, Inventory
from zoffsite.model.job import Alarm, Disk, Job, Retention
from zoffsite.model.memory import Remembered
from zoffsite.model.plan import Refused, Send, Side
from zoffsite.model.work import SourceFacts, Work

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MIB = 1 << 20
HABIT = Remembered(increments=(MIB, MIB, MIB))
WHOLE = 500 * MIB
"""What the only snapshot is listed with: it counts from nothing, for the one before it is gone."""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return replace(JOB, alarm=Alarm(at_least=MIB, factor=10.0, freed=0.0), ledger=tmp_path / "ledger")


@pytest.fixture
def zfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `zfs` says; what it was asked is in the file `asked` beside it."""
    program, says = tmp_path / "zfs", tmp_path / "says"
    program.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\ncat {says}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return says


def plan_of(job: Job, here: DatasetState, memory: Remembered = HABIT) -> Work:
    on_box = replica(there(1))
    inventory = Inventory(host="box", datasets={REPLICA: replace(on_box, dataset=replica_dataset())})
    return plan_dataset(job, Connections(), here, REPLICA, BoxFacts(inventory=inventory, tokens={}), memory, ALONE)


AFTER_BOOKMARK = source(snap(2, written=WHOLE), bookmarks=[mark(1)])


def test_what_follows_a_bookmark_is_measured_and_no_alarm_unless_it_is_large(job: Job, zfs: Path) -> None:
    zfs.write_text(f"size\t{MIB}\n")
    work = plan_of(job, AFTER_BOOKMARK)
    assert isinstance(work.plan, Send)
    assert (work.plan.steps[0].estimated_bytes, work.raised) == (MIB, ())
    zfs.write_text(f"size\t{11 * MIB}\n")
    assert [notice.code for notice in plan_of(job, AFTER_BOOKMARK).raised] == ["unusual-increment"]


def test_nothing_else_is_asked_of(job: Job, zfs: Path) -> None:
    zfs.write_text("size\t1\n")
    plan_of(job, source(snap(1), snap(2)))
    plan_of(job, source(snap(1)))
    assert not (zfs.parent / "asked").exists()


def test_the_habit_of_a_job_whose_bases_are_bookmarks_is_what_was_measured(job: Job, zfs: Path) -> None:
    zfs.write_text(f"size\t{MIB}\n")
    remember(job, plan_of(job, AFTER_BOOKMARK))
    assert ledger_of(job).recall().replicas[REPLICA].increments == (MIB,)


def test_a_size_that_nobody_knows_is_neither_an_alarm_nor_a_habit(job: Job, zfs: Path) -> None:
    zfs.write_text("no size\n")
    work = plan_of(job, AFTER_BOOKMARK)
    assert work.raised == ()
    remember(job, work)
    known = ledger_of(job)
    assert known.recall().replicas[REPLICA].increments == ()
    assert known.increments(since=EPOCH) == ()


def test_a_name_that_is_too_long_on_the_box_refuses_its_dataset_only(job: Job, zfs: Path) -> None:
    zfs.write_text("")
    zpool = zfs.parent / "zpool"
    zpool.write_text("#!/bin/sh\n")
    zpool.chmod(0o755)
    deep = "tank/" + "/".join("d" * 40 for _ in range(6))
    states = {name: source(snap(1, where=name), name=name) for name in ("tank/home", deep)}
    facts = SourceFacts(
        inventory=Inventory(host="source", datasets=states), chosen=tuple(states.values()), to_snapshot=()
    )
    on_disk = replace(job, datasets=("tank",), recursive=True, box=Disk(pool="vault", guid=1, absent_after=timedelta()))
    zfs.write_text(row("vault/box", encryption="off", keystatus="-", mounted="no", readonly="on"))
    home, long = find_common_base(on_disk, Connections(), facts, EPOCH).plan.datasets
    assert home.action == "full"
    assert isinstance(long, Refused)
    assert (long.source, long.code) == (deep, "bad-name")
    assert f'replicas = {{ "{deep}" = "NEW-NAME" }}' in long.remedy


def remember(job: Job, work: Work) -> None:
    assert isinstance(work.plan, Send)
    record, step = Record(job, work), work.plan.steps[0]
    record.check_key(step, "aa", resumed=False)
    record.sent(step, 100, 1.0)


def test_where_only_room_is_missing_the_replica_as_it_is_would_be_pruned_unless_nobody_can_know(job: Job) -> None:
    job = replace(job, keep_source=Retention(last=9), keep_box=Retention(last=1))
    plan = Refused(source="tank/home", replica=REPLICA, code="no-space", reason="", remedy="")
    work = Work(plan=plan, source=source(snap(1), snap(2), snap(3)), replica=replica(there(1), there(2)))
    destroyed = {prune.side: [each.guid for each in prune.destroy] for prune in expected_prunes(job, work, EPOCH)}
    assert destroyed == {Side.SOURCE: [], Side.BOX: [there(1).guid]}
    assert expected_prunes(job, replace(work, memory=None), EPOCH) == ()
    assert expected_prunes(job, replace(work, plan=replace(plan, code="key-changed")), EPOCH) == ()
