"""Task: raw send of one dataset."""

from __future__ import annotations

from typing import Any

from prefect import task
from prefect.runtime import task_run

from tasks.artifacts import artifact_progress
from tasks.options import FRESH, as_state
from zoffsite.actions.send import send as carry_out
from zoffsite.hosts.connections import shared
from zoffsite.model.job import Job
from zoffsite.model.work import Work


@task(task_run_name="send {work.plan.source}", **FRESH)
def send(job: Job, work: Work) -> Any:
    """Full, incremental or resumed, with progress as an artifact; returns Sent."""
    attempt = task_run.run_count - 1
    return as_state(lambda: carry_out(job, work, shared(), artifact_progress(), attempt=attempt))
