"""Task: raw send of one dataset."""

from __future__ import annotations

from typing import Any

from prefect import task

from tasks.options import FRESH, as_state
from tasks.progress import shown_progress
from zoffsite.actions.send import send as carry_out
from zoffsite.hosts.connections import shared
from zoffsite.model.job import Job
from zoffsite.model.work import Sent, Work
from zoffsite.views.words import duration_words, size_words


@task(task_run_name="send {work.plan.source}", **FRESH)
def send(job: Job, work: Work) -> Any:
    """Full, incremental or resumed, with progress as an artifact; returns Sent."""

    def attempt(number: int) -> Sent:
        with shown_progress("send", work.plan.source) as progress:
            return carry_out(job, work, shared(), progress, attempt=number)

    return as_state(attempt, job.retries, _words)


def _words(sent: Sent) -> str:
    return f"{size_words(sent.bytes)} in {duration_words(sent.seconds)}"
