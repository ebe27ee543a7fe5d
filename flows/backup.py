"""Flow: one run of one job."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from prefect import flow, unmapped
from prefect.futures import as_completed
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from zoffsite.views.words import report_words

from tasks.artifacts import show_report
from tasks.find_common_base import find_common_base
from tasks.options import call, value_of
from tasks.replicate import replicate
from tasks.snapshot import snapshot
from zoffsite.actions.chain import split
from zoffsite.actions.run import run_job
from zoffsite.config.loading import load
from zoffsite.config.settings import Settings
from zoffsite.hosts.connections import close_shared
from zoffsite.model.job import Job
from zoffsite.model.report import DatasetOutcome, RunReport, RunState


@flow(name="backup", flow_run_name="{job}", persist_result=False, validate_parameters=True)
def backup(job: str, datasets: list[str] | None = None) -> Any:
    """Back up a job's encrypted datasets to its box: snapshot, common base, raw send, verify, prune.

    Args:
        job: Name of the job in zoffsite.toml.
        datasets: Only these datasets of the job; empty for all of them.
    """
    settings = load()
    return run(settings, settings.job(job), tuple(datasets or ()))


def run(settings: Settings, job: Job, only: tuple[str, ...]) -> Any:
    """The run under the job's lock; its report is saved and sent before Prefect is told."""
    try:
        name = flow_run.name or job.name
        report = run_job(settings, job, name, f"Prefect run {name}", lambda now: steps(job, only, now))
    finally:
        close_shared()
    show_report(report)
    return final_state(report)


def steps(job: Job, only: tuple[str, ...], now: datetime) -> Iterator[DatasetOutcome]:
    """snapshot → find common base → for each dataset, on its own: send → verify → prune."""
    facts = call(snapshot, job.retries, job, now, only)
    todo = call(find_common_base, job.retries, job, facts, now)
    known, rest = split(job, todo, now)
    yield from known
    pool: ThreadPoolTaskRunner[Any]
    with ThreadPoolTaskRunner(max_workers=job.parallel) as pool:
        futures: list[Any] = pool.map(replicate, {"job": unmapped(job), "work": rest, "now": unmapped(now)})
        for future in as_completed(futures):
            yield value_of(future.state)


def final_state(report: RunReport) -> Any:
    """Failed when any dataset failed, with a message that names it."""
    words = report_words(report)
    if report.state is RunState.OK:
        return Completed(message=words, data=report)
    return Failed(message=words, data=report)
