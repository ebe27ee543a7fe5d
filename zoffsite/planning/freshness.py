"""Is a replica as young as it should be?"""

from __future__ import annotations

from datetime import timedelta

from zoffsite.model.job import Job
from zoffsite.model.status import Freshness

CRITICAL_FACTOR = 2
"""Beyond this many times the objective, a late replica is critical: not one run was missed, but several."""


def objective_of(job: Job, dataset: str) -> timedelta:
    """How old the replica of `dataset` may be: its own objective, else that of the nearest dataset above it."""
    own = dict(job.objectives)
    names = dataset.split("/")
    for count in range(len(names), 0, -1):
        found = own.get("/".join(names[:count]))
        if found is not None:
            return found
    return job.objective


def judge(age: timedelta | None, objective: timedelta) -> Freshness:
    """OK up to the objective, WARNING beyond it, CRITICAL beyond twice the objective or where there is no replica."""
    if age is None or age > CRITICAL_FACTOR * objective:
        return Freshness.CRITICAL
    return Freshness.WARNING if age > objective else Freshness.OK
