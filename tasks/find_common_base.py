"""Task: find the common base of every dataset and plan the run."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from prefect import task

from tasks.artifacts import show_plan
from tasks.options import FRESH, as_state
from zoffsite.actions.plan import find_common_base as find
from zoffsite.hosts.connections import shared
from zoffsite.model.job import Job
from zoffsite.model.plan import JobPlan
from zoffsite.model.work import JobWork, SourceFacts


@task(task_run_name="find common base", **FRESH)
def find_common_base(job: Job, facts: SourceFacts, now: datetime) -> Any:
    """One listing of the box, by GUID; returns JobWork and shows its plan as an artifact."""

    def plan(_attempt: int) -> JobWork:
        todo = find(job, shared(), facts, now, by_changes=True)
        show_plan(todo.plan)
        return todo

    return as_state(plan, job.retries, lambda todo: _words(todo.plan))


def _words(plan: JobPlan) -> str:
    counts = Counter(dataset.action for dataset in plan.datasets)
    return ", ".join(f"{count} {action}" for action, count in counts.items())
