"""What the UI's form asks for, of every flow. Nothing here needs a server."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from deployments.catalog import FLOWS, deployments_of
from tests.prefect.test_without_server import OTHER, SETTINGS
from zoffsite.config.loading import load
from zoffsite.deploy.units import timer_of

ASKED = {"backup": {"job", "datasets", "dry_run"}, "prove": {"job", "datasets"}, "verify": {"job"}}


@pytest.fixture
def forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, dict[str, object]]]:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    (tmp_path / "zoffsite.toml").write_text(SETTINGS + OTHER)
    monkeypatch.chdir(tmp_path)
    return {
        f"{each.flow_name}/{each.name}": each._parameter_openapi_schema.properties for each in deployments_of(load())
    }


def test_every_job_has_a_deployment_of_every_flow(forms: dict[str, object]) -> None:
    assert set(forms) == {f"{verb}/{job}" for verb in FLOWS for job in ("home", "photos")}


def test_every_form_explains_each_parameter_and_offers_the_jobs(forms: dict[str, dict[str, dict[str, object]]]) -> None:
    for name, form in forms.items():
        assert set(form) == ASKED.get(name.partition("/")[0], set(form))
        assert form["job"]["enum"] == ["home", "photos"]
        assert all(str(asked.get("description", "")).endswith(".") for asked in form.values()), (name, form)


def test_what_the_doctor_s_timer_does_is_not_done_by_schedule_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    times = "".join(f'{verb} = "0 3 * * *"\n' for verb in ("cron", "verify", "doctor"))
    (tmp_path / "zoffsite.toml").write_text(f"{SETTINGS}\n[job.home.schedule]\n{times}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("deployments.catalog.UNITS", str(tmp_path))

    def scheduled() -> set[str | None]:
        return {each.flow_name for each in deployments_of(load()) if each.schedules}

    assert scheduled() == {"backup", "verify", "doctor"}
    (tmp_path / timer_of("home", "doctor")).touch()
    (tmp_path / timer_of("home", "backup")).touch()
    assert scheduled() == {"backup", "verify"}
