"""Is a replica as young as it should be?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from zoffsite.model.job import Job
from zoffsite.model.status import Freshness, LastKnown
from zoffsite.model.version import Version

CRITICAL_FACTOR = 2
"""Beyond this many times the objective, a late replica is critical: not one run was missed, but several."""
LEEWAY = timedelta(minutes=10)
"""What is younger than now by no more than this was taken while we looked, or by a clock that is a little fast."""


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


def last_known(job: Job, dataset: str, good: datetime | None, now: datetime) -> LastKnown:
    """How a replica that nobody can look at stands, when its last run that went well is all that is known of it."""
    objective = objective_of(job, dataset)
    age = now - good if good else None
    return LastKnown(source=dataset, good=good, freshness=judge(age, objective), objective=objective)


def time_of(seconds: int) -> datetime | None:
    """The moment (UTC) that a creation stands for; None where no calendar goes so far."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def taken_at(newest: Version, known: Version | None, now: datetime) -> datetime | None:
    """When the box's `newest` was taken: by the source's `known` version of it, else by the box's own word.

    None where that lies in the future: whoever says so knows nothing of how old it is.
    """
    taken = time_of((known or newest).creation)
    return None if taken is None or taken > now + LEEWAY else min(taken, now)
