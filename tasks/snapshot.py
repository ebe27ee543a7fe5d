"""Task: take the job's snapshots."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import task

from tasks.options import FRESH, as_state
from zoffsite.actions.snapshot import take_snapshots
from zoffsite.hosts.connections import shared
from zoffsite.model.job import Job


@task(task_run_name="snapshot", **FRESH)
def snapshot(job: Job, now: datetime, only: tuple[str, ...]) -> Any:
    """Atomic per pool, only of encrypted datasets; returns SourceFacts."""
    return as_state(lambda: take_snapshots(job, shared(), now, only))
