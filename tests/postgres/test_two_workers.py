"""Several sources, one Prefect server on PostgreSQL: each machine's worker carries out its own jobs, and only those."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.postgres.conftest import Machine, stop
from tests.postgres.database import Database
from tests.prefect.ui import Ui, patiently

pytestmark = pytest.mark.prefect


def holder(machine: Machine) -> int:
    """The process that holds the lock of the machine's job, once there is one."""
    for _ in patiently("a run that holds the lock"):
        text = machine.lock.read_text() if machine.lock.exists() else ""
        if text:
            return int(json.loads(text)["pid"])
    raise AssertionError


def test_runs_of_two_machines_with_jobs_of_the_same_name_go_each_to_its_own(
    ui: Ui, database: Database, machines: tuple[Machine, Machine]
) -> None:
    nas, office = machines
    runs = [ui.run(each.deployment) for each in machines]
    assert holder(office)
    ended = ui.wait_for(runs[0])
    assert ended["state_type"] == "FAILED"  # nobody is there; what matters is who tried
    assert json.loads(nas.report.read_text())["run"] in ended["tags"]
    assert ended["work_pool_name"] == "nas"
    assert not office.report.exists()
    assert {"report-nas-home", "runs-nas-home"} <= artifacts(ui, runs[0]), "another machine has a job of this name, too"
    assert int(database.ask("SELECT count(*) FROM flow_run WHERE state_type = 'FAILED'")) == 1


def test_cancelling_frees_the_machine_and_is_reported(ui: Ui, machines: tuple[Machine, Machine]) -> None:
    office = machines[1]
    pid = holder(office)
    (run,) = running(ui)
    ui.cancel(run)
    ended = ui.wait_for(run)
    assert ended["state_type"] == "CANCELLED"
    wait_until_gone(pid)
    assert json.loads(office.report.read_text())["error"]["code"] == "interrupted"
    assert office.lock.read_text() == ""


def test_a_worker_that_was_stopped_leaves_no_process_and_a_true_state(ui: Ui, third: Machine) -> None:
    worker = third.work()
    run = ui.run(third.deployment)
    pid = holder(third)
    stop(worker)
    wait_until_gone(pid)
    assert ui.wait_for(run)["state_type"] in ("CRASHED", "CANCELLED")
    assert json.loads(third.report.read_text())["error"]["code"] == "interrupted"
    assert third.lock.read_text() == ""


def running(ui: Ui) -> list[str]:
    found = ui.api("/flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}})
    return [str(each["id"]) for each in found]


def artifacts(ui: Ui, run: str) -> set[str]:
    """The keys of what a run shows."""
    found = ui.api("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}}})
    return {str(each["key"]) for each in found}


def wait_until_gone(pid: int) -> None:
    for _ in patiently(f"the end of process {pid}"):
        if not Path(f"/proc/{pid}").exists():
            return
