"""Task: remember what the box has, and prune one dataset on both sides."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import task

from tasks.options import FRESH, as_state
from zoffsite.actions.prune import prune_and_remember
from zoffsite.hosts.connections import shared
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.version import Snapshot
from zoffsite.model.work import Pruned


@task(task_run_name="prune {source.dataset.name}", **FRESH)
def prune(job: Job, source: DatasetState, replica: DatasetState, newest: Snapshot, now: datetime) -> Any:
    """Bookmark, then retention on both sides; returns Pruned."""
    return as_state(lambda _: prune_and_remember(job, source, replica, newest, shared(), now), job.retries, _words)


def _words(pruned: Pruned) -> str:
    return f"{pruned.source} snapshots pruned on the source, {pruned.box} on the box"
