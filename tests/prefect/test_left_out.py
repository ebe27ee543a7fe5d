"""What a hook leaves out of a run is in the report of either driver. Nothing here needs a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from flows import backup as flow
from tasks import look
from tasks.find_common_base import find_common_base
from tasks.snapshot import snapshot
from tests.planning.make import JOB, REPLICA, SOURCE, mark, replica, snap, source, there
from zoffsite.actions import backup as direct
from zoffsite.actions.progress import log_progress
from zoffsite.hosts.connections import Connections
from zoffsite.model.inventory import Inventory
from zoffsite.model.notice import Notice
from zoffsite.model.plan import JobPlan
from zoffsite.model.report import DatasetOutcome, DatasetResult
from zoffsite.model.status import JobStatus
from zoffsite.model.work import JobWork, SourceFacts, Work
from zoffsite.planning.sends import plan_sends

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
FAILED = DatasetOutcome(source="tank/db", replica="vault/box/tank:db", state=DatasetResult.FAILED)
FROZEN = Notice(code="hook-failed", subject="tank/db", message="still frozen", remedy="thaw", alert=True)
FACTS = SourceFacts(inventory=Inventory(host="nas"), chosen=(), to_snapshot=(), notices=(FROZEN,), left_out=(FAILED,))
NOTHING = JobWork(plan=JobPlan(job="home", to_snapshot=(), datasets=(), prune=()), datasets=())


def test_run_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "take_snapshots", lambda *_: FACTS)
    monkeypatch.setattr(direct, "find_common_base", lambda *_, **__: NOTHING)
    steps = direct._steps(JOB, Connections(), (), log_progress(), "home-x", NOW)
    assert list(steps) == [FROZEN, FAILED]


def test_run_by_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    def call(task: Any, *_: object) -> object:
        return {snapshot: FACTS, find_common_base: NOTHING}[task]

    shown = list[JobStatus]()
    monkeypatch.setattr(flow, "call", call)
    monkeypatch.setattr(look, "show_freshness", lambda _, found, __: shown.append(found))
    assert list(flow._steps(JOB, (), NOW)) == [FROZEN, FAILED]
    assert [each.replicas for each in shown] == [()]


def test_a_backup_shows_how_old_each_replica_is_without_another_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """`call` knows of no other listing; a run of a part of the job says nothing of the rest."""
    here, box = source(snap(1), bookmarks=[mark(1)]), replica(there(1))
    work = Work(plan=plan_sends(JOB, here, box, None, REPLICA), source=here, replica=box)

    def call(task: Any, *_: object) -> object:
        return {snapshot: FACTS, find_common_base: replace(NOTHING, datasets=(work,))}[task]

    shown = list[JobStatus]()
    monkeypatch.setattr(flow, "call", call)
    for unneeded in ("take_note", "describe"):
        monkeypatch.setattr(flow, unneeded, lambda *_: None)
    monkeypatch.setattr(look, "show_freshness", lambda _, found, __: shown.append(found))
    assert list(flow._steps(JOB, (SOURCE,), NOW))
    assert shown == []
    assert list(flow._steps(JOB, (), NOW))
    (found,) = shown
    assert [(each.source, each.good, each.as_of) for each in found.replicas] == [(SOURCE, True, NOW)]
