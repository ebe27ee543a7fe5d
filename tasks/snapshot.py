"""Task: take the job's snapshots."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import task

from tasks.options import FRESH, as_state
from zoffsite.actions.snapshot import take_snapshots
from zoffsite.hosts.connections import shared
from zoffsite.model.job import Job
from zoffsite.model.work import SourceFacts


@task(task_run_name="snapshot", **FRESH)
def snapshot(job: Job, run: str, now: datetime, only: tuple[str, ...]) -> Any:
    """Atomic per pool, only of encrypted datasets; returns SourceFacts."""
    return as_state(lambda _: take_snapshots(job, shared(), run, now, only), job.retries, _words)


def _words(facts: SourceFacts) -> str:
    return f"{len(facts.to_snapshot)} of {len(facts.chosen)} datasets got a snapshot"
