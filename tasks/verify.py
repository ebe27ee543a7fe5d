"""Task: verify one replica on the box."""

from __future__ import annotations

from typing import Any

from prefect import task

from tasks.options import FRESH, as_state
from zoffsite.actions.verify import verify as check
from zoffsite.hosts.connections import shared
from zoffsite.model.job import Job
from zoffsite.model.version import Snapshot


@task(task_run_name="verify {newest.dataset}", **FRESH)
def verify(job: Job, replica: str, newest: Snapshot) -> Any:
    """GUID, encryption, keystatus, mounted, readonly, written, token; returns the replica's DatasetState."""
    return as_state(
        lambda _: check(job, replica, newest, shared()),
        job.retries,
        lambda _: f"the box has @{newest.name}, locked and untouched",
    )
