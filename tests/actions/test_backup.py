"""A run without Prefect, where what is asked of the hosts is left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.actions.crowd import Crowd
from tests.actions.test_chain import INCREMENTAL
from tests.planning.make import JOB
from zoffsite.actions import backup
from zoffsite.actions.progress import log_progress
from zoffsite.hosts.connections import Connections
from zoffsite.model.inventory import Inventory
from zoffsite.model.plan import JobPlan
from zoffsite.model.report import DatasetOutcome, DatasetResult
from zoffsite.model.work import JobWork, SourceFacts

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
FACTS = SourceFacts(inventory=Inventory(host="nas"), chosen=(), to_snapshot=())
SENT = DatasetOutcome(source="tank/home", replica="vault/box/tank:home", state=DatasetResult.SENT)


@pytest.mark.parametrize("parallel", [1, 3])
def test_no_more_datasets_than_allowed_are_sent_at_the_same_time_and_no_fewer(
    parallel: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = replace(JOB, parallel=parallel, ledger=tmp_path / "ledger")
    works = (INCREMENTAL,) * (2 * parallel)
    todo = JobWork(plan=JobPlan(job="home", to_snapshot=(), datasets=(), prune=()), datasets=works)
    crowd = Crowd(parallel)

    def replicate(*_: object) -> DatasetOutcome:
        crowd.join()
        return SENT

    monkeypatch.setattr(backup, "take_snapshots", lambda *_: FACTS)
    monkeypatch.setattr(backup, "find_common_base", lambda *_, **__: todo)
    monkeypatch.setattr(backup, "describe", lambda *_: None)
    monkeypatch.setattr(backup, "replicate", replicate)
    assert list(backup._steps(job, Connections(), (), log_progress(), "home-x", NOW)) == [SENT] * len(works)
    assert crowd.most == parallel
