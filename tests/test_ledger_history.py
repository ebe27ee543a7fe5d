"""What the ledger tells of the past, and what it keeps through each of its own versions."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.planning.make import dataset, snap
from tests.planning.make_drill import drillable
from tests.test_ledger import FULL, NEXT, REPLICA, WHEN
from zoffsite.ledger import Ledger
from zoffsite.ledger.schema import MIGRATIONS
from zoffsite.model.drill import DrillOutcome, DrillResult
from zoffsite.model.event import EventKind
from zoffsite.model.memory import OnBox, Remembered
from zoffsite.model.plan import PrunePlan, SendStep, Side
from zoffsite.model.proof import ProofOutcome, ProofResult, Proofs, Provable
from zoffsite.model.snapshots import Snapshots


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite", "home")


def test_sends_prunes_and_proofs_are_told_newest_first_and_no_more_than_asked_for(ledger: Ledger) -> None:
    assert ledger.history(None, 10) == ()
    ledger.add(FULL)
    ledger.add(replace(NEXT, when=WHEN + timedelta(hours=1)))
    step = SendStep(to=snap(2), base=None, estimated_bytes=0)
    each = Provable(dataset="tank/home", replica=REPLICA, ours=step, theirs=step, proved=None, newest=True)
    ledger.add_proof(ProofOutcome(provable=each, state=ProofResult.DIFFERENT, when=WHEN + timedelta(hours=2)))
    plan = PrunePlan(side=Side.BOX, dataset=REPLICA, snapshots=Snapshots.of([snap(3), snap(4)]), reasons={})
    ledger.pruned("tank/home", REPLICA, plan, 1)
    events = ledger.history(None, 10)
    assert [each.kind for each in events] == [EventKind.PRUNED, EventKind.PROVED, EventKind.SENT, EventKind.SENT]
    pruned, proved, second, first = events
    assert (pruned.side, pruned.count, pruned.snapshot) == ("box", 1, snap(3).name)
    assert (proved.good, proved.base_guid) == (False, 0)
    assert (second.base_guid, first.base_guid, first.bytes) == (FULL.guid, 0, 6000)
    assert ledger.history(None, 2) == events[:2]


def test_a_proof_and_a_drill_that_broke_off_are_told_and_count_for_nothing_else(ledger: Ledger) -> None:
    step = SendStep(to=snap(2), base=snap(1), estimated_bytes=0)
    each = Provable(dataset="tank/home", replica=REPLICA, ours=step, theirs=step, proved=None, newest=True)
    ledger.add_proof(ProofOutcome(provable=each, state=ProofResult.FAILED, when=WHEN))
    assert ledger.proofs() == Proofs()
    drill = DrillOutcome(drillable=drillable("tank/home"), state=DrillResult.FAILED, when=WHEN + timedelta(hours=1))
    ledger.add_drill(drill)
    assert (ledger.drilled(), ledger.speed(1)) == ({}, None)
    drilled, proved = ledger.history("tank/home", 10)
    assert (drilled.kind, drilled.good, drilled.base_guid) == (EventKind.DRILLED, None, None)
    assert (proved.kind, proved.good, proved.base_guid, proved.guid) == (EventKind.PROVED, None, 101, 102)
    ledger.renamed(Remembered(dataset="tank/home", replica=REPLICA), "tank/house", "vault/house")
    assert proved.when in {each.when for each in ledger.history("tank/house", 10)}


def test_one_dataset_is_told_with_what_is_below_it_and_nothing_beside_it(ledger: Ledger) -> None:
    for number, name in enumerate(("tank/home", "tank/home/ann", "tank/homework", "tank")):
        ledger.add(replace(FULL, dataset=name, guid=number + 1))
    Ledger(ledger.path, "other").add(FULL)
    assert {each.dataset for each in ledger.history("tank/home", 10)} == {"tank/home", "tank/home/ann"}


def test_what_was_found_on_both_sides_is_told_as_such(ledger: Ledger) -> None:
    ledger.seen([(dataset("tank/home"), REPLICA, OnBox(name="one", guid=5))])
    (event,) = ledger.history(None, 10)
    assert (event.kind, event.bytes, event.base_guid) == (EventKind.FOUND, None, None)


OLD = """INSERT INTO sent (job, dataset, dataset_guid, replica, snapshot, guid, at)
    VALUES ('home', 'tank/home', '7', ?, 'one', '5', '2026-01-01T00:00:00+00:00')"""


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
def test_a_ledger_of_each_older_version_is_brought_up_to_date_and_can_do_all_that_a_new_one_can(
    ledger: Ledger, version: int
) -> None:
    with contextlib.closing(sqlite3.connect(ledger.path)) as db, db:
        for statements in MIGRATIONS[:version]:
            for statement in statements:
                db.execute(statement)
        db.execute(OLD, (REPLICA,))
        db.execute(f"PRAGMA user_version = {version}")
    assert list(ledger.recall().replicas[REPLICA].on_box) == [OnBox(name="one", guid=5)]
    ledger.add(FULL)
    assert [each.kind for each in ledger.history(None, 10)] == [EventKind.SENT, EventKind.FOUND]
    new = Ledger(ledger.path.with_name("new.sqlite"), "home")
    new.add(FULL)
    assert _schema(ledger.path) == _schema(new.path)


def _schema(path: Path) -> set[tuple[str, str]]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {(name, str(row[1:])) for name in tables for row in db.execute(f"PRAGMA table_info({name})")}
