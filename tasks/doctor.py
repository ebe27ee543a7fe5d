"""Task: examine both machines and the way between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact

from tasks.artifacts import artifact_key
from tasks.options import FRESH, as_state
from tasks.telling import best_effort
from zoffsite.actions.doctor import DOCTOR
from zoffsite.actions.doctor import doctor as look
from zoffsite.hosts.connections import shared
from zoffsite.model.checkup import Checkup
from zoffsite.model.job import Job
from zoffsite.views.checkup import checkup_markdown, checkup_words


@task(task_run_name="examine", **FRESH)
def examine(job: Job, file: Path) -> Any:
    """Facts of both machines, judged; returns the Checkup and shows it as an artifact."""

    def checkup(_attempt: int) -> Checkup:
        found = look(job, file, shared())
        show_checkup(found)
        return found

    return as_state(checkup, job.retries, checkup_words)


@best_effort
def show_checkup(checkup: Checkup) -> None:
    """Every finding, the bad ones first."""
    key = artifact_key(DOCTOR, checkup.job)
    create_markdown_artifact(checkup_markdown(checkup), key=key, description=checkup_words(checkup))
