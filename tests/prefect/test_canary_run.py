"""The canary names the run that the report, the alerts and the UI know. Nothing here needs a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext

from flows import backup as flow
from tasks.find_common_base import find_common_base
from tasks.snapshot import snapshot
from tests.planning.make import JOB
from tests.prefect.test_left_out import FACTS, NOTHING, NOW
from zoffsite.actions import backup as direct
from zoffsite.actions.progress import log_progress
from zoffsite.config.settings import Settings
from zoffsite.model.work import SourceFacts

RUN = "home-20261123T021459Z"


def test_run_directly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = list[str]()

    def take(_job: object, _hosts: object, run: str, *_: object) -> SourceFacts:
        told.append(run)
        return FACTS

    monkeypatch.setattr(direct, "take_snapshots", take)
    monkeypatch.setattr(direct, "find_common_base", lambda *_, **__: NOTHING)
    monkeypatch.setattr(direct, "run_name", lambda _: RUN)  # of a moment before it had the lock
    settings = Settings(file=tmp_path / "zoffsite.toml", state_dir=tmp_path, jobs={"home": JOB})
    report = direct.backup(settings, JOB, (), log_progress())
    assert (report.run, told) == (RUN, [RUN])


def test_run_by_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    told = list[object]()

    def call(task: Any, _retries: object, _job: object, *arguments: object) -> object:
        if task is snapshot:
            told.append(arguments[0])
        return {snapshot: FACTS, find_common_base: NOTHING}[task]

    monkeypatch.setattr(flow, "call", call)
    monkeypatch.setattr(flow, "name_run", lambda *_: None)
    named = FlowRun(flow_id=uuid4(), name=RUN)
    with FlowRunContext.model_construct(flow_run=named):
        assert list(flow._steps(JOB, ("tank/home",), NOW))
    assert told == [RUN]
