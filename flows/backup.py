"""Flow: one run of one job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from prefect import flow, tags, unmapped
from prefect.context import TagsContext
from prefect.futures import as_completed
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.logs import logs_in_ui, without_tracebacks
from tasks.artifacts import show_report
from tasks.find_common_base import find_common_base
from tasks.options import call, failed, value_of
from tasks.replicate import replicate
from tasks.snapshot import snapshot
from zoffsite.actions.chain import split
from zoffsite.actions.memory import take_note
from zoffsite.actions.run import run_job, run_name
from zoffsite.config.loading import load
from zoffsite.config.settings import Settings
from zoffsite.hosts.connections import close_shared, shared
from zoffsite.hosts.transfers import transfers
from zoffsite.model.errors import ExitCode, ZoffsiteError
from zoffsite.model.job import Job
from zoffsite.model.notice import Notice
from zoffsite.model.report import DatasetOutcome, RunReport, RunState
from zoffsite.planning.clones import waves
from zoffsite.views.words import report_words


class BackupFailedError(Exception):
    """What a failed run raises when Prefect asks for its result: the report says why."""

    def __init__(self, report: RunReport) -> None:
        super().__init__(report_words(report))
        self.report = report


def _name() -> str:
    return run_name(str(flow_run.parameters["job"]))


@flow(name="backup", flow_run_name=_name, persist_result=False, validate_parameters=True)
def backup(job: str, datasets: list[str] | None = None) -> Any:
    """Back up a job's encrypted datasets to its box: snapshot, common base, raw send, verify, prune.

    Args:
        job: Name of the job in zoffsite.toml.
        datasets: Only these datasets of the job; empty for all of them.
    """
    without_tracebacks(BackupFailedError, ZoffsiteError)
    with logs_in_ui(), TagsContext(current_tags=set()):  # tagged tasks ask the server for leave before each start
        try:
            settings = load()
            report = _run(settings, settings.job(job), tuple(datasets or ()))
        except ZoffsiteError as error:  # wrong settings, or the lock is held: nothing was run
            return failed(error)
        show_report(report)
        return final_state(report)


def run_here(job: Job, only: Sequence[str]) -> RunReport:
    """Run the flow in this process, with the tags that a deployment's runs have.

    Raises the ZoffsiteError for which nothing was run, or whatever ended Prefect's own part.
    """
    with tags(*run_tags(job.name)):
        state: Any = backup(job.name, list(only) or None, return_state=True)
    ended = state.result(raise_on_failure=False)
    if isinstance(ended, BackupFailedError):
        return ended.report
    if isinstance(ended, BaseException):
        raise ended
    report: RunReport = ended
    return report


def run_tags(job: str) -> list[str]:
    """What the runs of a job are found by."""
    return ["zoffsite", job]


def final_state(report: RunReport) -> Any:
    """Failed when any dataset failed, with a message that names it; Cancelled when somebody stopped the run."""
    words = report_words(report)
    if report.state is RunState.OK:
        return Completed(message=words, data=report)
    kind = Cancelled if report.error_exit is ExitCode.INTERRUPTED else Failed
    return kind(message=words, data=BackupFailedError(report))


def _run(settings: Settings, job: Job, only: tuple[str, ...]) -> RunReport:
    """The run under the job's lock; its report is saved and sent before Prefect is told."""
    name = flow_run.name or run_name(job.name)
    try:
        return run_job(settings, job, name, f"Prefect run {name}", shared(), lambda now: _steps(job, only, now))
    finally:
        close_shared()


def _steps(job: Job, only: tuple[str, ...], now: datetime) -> Iterator[DatasetOutcome | Notice]:
    """snapshot → find common base → for each dataset, on its own: send → verify → prune."""
    facts = call(snapshot, job.retries, job, now, only)
    yield from facts.notices
    yield from facts.left_out
    todo = call(find_common_base, job.retries, job, facts, now)
    yield from todo.plan.notices
    take_note(job, todo.datasets)
    known, rest = split(job, todo, now)
    yield from known
    pool: ThreadPoolTaskRunner[Any]
    with ThreadPoolTaskRunner(max_workers=job.parallel) as pool, _nothing_outlives():
        for wave in waves(rest):
            futures: list[Any] = pool.map(replicate, {"job": unmapped(job), "work": wave, "now": unmapped(now)})
            for future in as_completed(futures):
                yield value_of(future)


@contextmanager
def _nothing_outlives() -> Iterator[None]:
    """A cancelled run raises in the main thread; the pool then waits for its threads, so their transfers end first."""
    try:
        yield
    except BaseException:
        transfers.stop_all()
        raise
