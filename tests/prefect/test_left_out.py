"""What a hook leaves out of a run is in the report of either driver. Nothing here needs a server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from flows import backup as flow
from tasks.find_common_base import find_common_base
from tasks.snapshot import snapshot
from tests.planning.make import JOB
from zoffsite.actions import backup as direct
from zoffsite.actions.progress import log_progress
from zoffsite.hosts.connections import Connections
from zoffsite.model.inventory import Inventory
from zoffsite.model.notice import Notice
from zoffsite.model.plan import JobPlan
from zoffsite.model.report import DatasetOutcome, DatasetResult
from zoffsite.model.work import JobWork, SourceFacts

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
FAILED = DatasetOutcome(source="tank/db", replica="vault/box/tank:db", state=DatasetResult.FAILED)
FROZEN = Notice(code="hook-failed", subject="tank/db", message="still frozen", remedy="thaw", alert=True)
FACTS = SourceFacts(inventory=Inventory(host="nas"), chosen=(), to_snapshot=(), notices=(FROZEN,), left_out=(FAILED,))
NOTHING = JobWork(plan=JobPlan(job="home", to_snapshot=(), datasets=(), prune=()), datasets=())


def test_run_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "take_snapshots", lambda *_: FACTS)
    monkeypatch.setattr(direct, "find_common_base", lambda *_, **__: NOTHING)
    steps = direct._steps(JOB, Connections(), (), log_progress(), NOW)
    assert list(steps) == [FROZEN, FAILED]


def test_run_by_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    def call(task: Any, *_: object) -> object:
        return {snapshot: FACTS, find_common_base: NOTHING}[task]

    monkeypatch.setattr(flow, "call", call)
    assert list(flow._steps(JOB, (), NOW)) == [FROZEN, FAILED]
