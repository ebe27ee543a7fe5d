"""What was missed is made up for once, by whatever flow. Nothing here needs a server."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext

from flows.doctor import doctor
from tests.prefect.test_without_server import SETTINGS
from zoffsite.config.places import CONFIG_VARIABLE
from zoffsite.history import remember_run
from zoffsite.model.history import PastRun
from zoffsite.model.report import RunState


def test_of_the_doctors_missed_runs_one_is_carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    (tmp_path / "zoffsite.toml").write_text(SETTINGS)
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "zoffsite.toml"))
    monkeypatch.setenv("ZOFFSITE_STATE_DIR", str(tmp_path / "state"))
    now = datetime.now(UTC)
    other = PastRun(
        verb="doctor",
        run="home-doctor-x",
        how="x",
        started=now,
        seconds=1,
        state=RunState.OK,
        bytes=0,
        whole=True,
        words="",
    )
    remember_run("home", other, tmp_path / "state")
    due = now - timedelta(days=1)
    missed = FlowRun.model_validate({"flow_id": uuid4(), "auto_scheduled": True, "expected_start_time": due})
    with FlowRunContext.model_construct(flow_run=missed):
        state = doctor.fn("home")
    assert state.type == "CANCELLED"
    assert "home-doctor-x has made up for it" in state.message
