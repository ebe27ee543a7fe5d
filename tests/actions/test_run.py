"""One run of a job, around its steps: what it finds, what it remembers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.planning.make import JOB
from tests.views.values import FAILED, SENT
from zoffsite.actions.run import Occasion, run_job
from zoffsite.config.settings import Settings
from zoffsite.history import past_runs
from zoffsite.hosts.connections import Connections
from zoffsite.lock import JobLock
from zoffsite.model.job import Job
from zoffsite.model.report import RunReport, RunState
from zoffsite.model.work import Room
from zoffsite.state import last_report


def settings(tmp_path: Path) -> Settings:
    return Settings(file=tmp_path / "zoffsite.toml", state_dir=tmp_path, jobs={"home": JOB})


def test_a_run_before_that_was_killed_is_told_of_once(tmp_path: Path) -> None:
    leave_killed(tmp_path)
    prefect = Prefect()
    (notice,) = run(tmp_path, prefect).notices
    assert (notice.code, notice.alert) == ("run-killed", True)
    assert notice.message.startswith("Prefect run home-x ended without a report")
    assert run(tmp_path, prefect).notices == ()
    assert prefect.asked == ["7"], "by what its driver knows it by: others may have runs of the same name"


def test_a_killed_run_that_a_run_without_its_driver_finds_is_told_to_it_by_the_next_run_of_any_job(
    tmp_path: Path,
) -> None:
    leave_killed(tmp_path)
    assert [notice.code for notice in run(tmp_path, None).notices] == ["run-killed"]
    leave_killed(tmp_path, ident="8")
    run(tmp_path, None)
    prefect = Prefect()
    assert run(tmp_path, prefect, replace(JOB, name="photos")).notices == ()
    run(tmp_path, prefect)
    assert prefect.asked == ["7", "8"]


def test_a_driver_that_did_not_hear_of_a_killed_run_is_told_again(tmp_path: Path) -> None:
    leave_killed(tmp_path)
    run(tmp_path, Prefect(answers=False))
    prefect = Prefect()
    run(tmp_path, prefect)
    assert prefect.asked == ["7"]


def test_a_killed_run_that_its_driver_runs_again_does_not_bury_itself(tmp_path: Path) -> None:
    leave_killed(tmp_path)
    prefect = Prefect()
    assert run(tmp_path, prefect, ident="7").notices != ()
    run(tmp_path, prefect)
    assert prefect.asked == []


def test_a_killed_run_that_cannot_be_remembered_stops_no_backup(tmp_path: Path) -> None:
    (tmp_path / "unburied").touch()
    leave_killed(tmp_path)
    assert run(tmp_path, None).state is RunState.OK
    assert run(tmp_path, Prefect()).state is RunState.OK


@dataclass
class Prefect:
    """A driver, and the dead runs that it was told of; or nobody answers."""

    answers: bool = True
    asked: list[str] = field(default_factory=list)

    def bury(self, ident: str) -> bool:
        self.asked.append(ident)
        return self.answers


def leave_killed(tmp_path: Path, ident: str = "7") -> None:
    with JobLock("home", "Prefect run home-x", tmp_path, ident=ident) as lock:
        left = lock.path.read_bytes()
    lock.path.write_bytes(left)


def run(tmp_path: Path, prefect: Prefect | None, job: Job = JOB, ident: str = "") -> RunReport:
    what = Occasion(run="home-y", how="zoffsite backup", ident=ident, bury=prefect.bury if prefect else None)
    return run_job(settings(tmp_path), job, what, Connections(), lambda _: [SENT])


def test_a_run_that_is_stopped_while_it_tells_of_a_killed_one_tells_of_both(tmp_path: Path) -> None:
    leave_killed(tmp_path)

    def stopped(_ident: str) -> bool:
        raise KeyboardInterrupt

    what = Occasion(run="home-y", how="zoffsite backup", bury=stopped)
    with pytest.raises(KeyboardInterrupt):
        run_job(settings(tmp_path), JOB, what, Connections(), lambda _: [SENT])
    report = last_report("home", tmp_path)
    assert report is not None
    assert report.error is not None
    assert (report.run, report.error.code, [each.code for each in report.notices]) == (
        "home-y",
        "interrupted",
        ["run-killed"],
    )


def test_a_run_is_remembered_with_the_room_that_it_found(tmp_path: Path) -> None:
    what = Occasion(run="home-z", how="zoffsite backup", whole=False)
    run_job(settings(tmp_path), JOB, what, Connections(), lambda _: [Room(used=5, free=7), SENT, FAILED])
    (past,) = past_runs("home", tmp_path)
    assert (past.verb, past.run, past.how, past.whole) == ("backup", "home-z", "zoffsite backup", False)
    assert (past.bytes, past.free, past.used, past.state.value) == (SENT.bytes, 7, 5, "partial")


def test_another_verb_neither_overwrites_the_report_of_the_backup_nor_recovers_its_failure(tmp_path: Path) -> None:
    for verb, outcome in (("backup", FAILED), ("verify", SENT)):
        what = Occasion(run=f"home-{verb}", how="x", verb=verb)
        run_job(settings(tmp_path), JOB, what, Connections(), lambda _, outcome=outcome: [outcome])  # type: ignore[misc]
    backup, verify = last_report("home", tmp_path), last_report("home.verify", tmp_path)
    assert backup is not None
    assert verify is not None
    assert (backup.run, backup.state.value, verify.state.value) == ("home-backup", "failed", "ok")
