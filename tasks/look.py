"""Tasks: read what is there, and change nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from prefect import task

from tasks.artifacts import show_freshness
from tasks.options import FRESH, as_state
from tasks.telling import best_effort
from zoffsite.actions.evidence import confidence
from zoffsite.actions.look import look_at_source as look
from zoffsite.actions.status import status, status_after
from zoffsite.hosts.connections import shared
from zoffsite.model.job import Job
from zoffsite.model.report import DatasetOutcome
from zoffsite.model.status import JobStatus
from zoffsite.model.work import JobWork


@task(task_run_name="look at the source", **FRESH)
def look_at_source(job: Job, now: datetime, only: tuple[str, ...]) -> Any:
    """One listing of the source; returns SourceFacts."""
    return as_state(
        lambda _: look(job, shared(), now, only), job.retries, lambda facts: f"{len(facts.chosen)} datasets"
    )


@task(task_run_name="look at the replicas", **FRESH)
def look_at_replicas(job: Job, now: datetime) -> Any:
    """One listing of each side; returns JobStatus and shows it as an artifact."""

    def found(_attempt: int) -> JobStatus:
        seen = status(job, shared(), now)
        show_freshness(job, seen, confidence(job, seen))
        return seen

    return as_state(found, job.retries, _words)


@best_effort
def show_freshness_after(job: Job, todo: JobWork, outcomes: Iterable[DatasetOutcome], now: datetime) -> None:
    """The same artifact after a backup, which need not look again."""
    found = status_after(job, todo, outcomes, now)
    show_freshness(job, found, confidence(job, found))


def _words(found: JobStatus) -> str:
    good = sum(replica.good for replica in found.replicas)
    return f"{good} of {len(found.replicas)} replicas are good"
