"""The names that this product gives to its snapshots, and which snapshots travel."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import lru_cache

from zoffsite.model.job import Job, Selection, SnapshotWhen

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def snapshot_name(job: Job, now: datetime) -> str:
    """The name of a snapshot taken `now` (aware, any zone): the job's prefix and the time in UTC.

    >>> snapshot_name(home, datetime(2026, 11, 22, 3, 0, tzinfo=UTC))    # doctest: +SKIP
    'zoffsite-home-2026-11-22T03:00:00Z'
    """
    return f"{job.snapshot_prefix}{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def is_ours(job: Job, name: str) -> bool:
    """True for a name of exactly the shape that `snapshot_name` gives."""
    return _is_a_time_after(job.snapshot_prefix, name)


@lru_cache(maxsize=100_000)
def _is_a_time_after(prefix: str, name: str) -> bool:
    """Asked for every snapshot; those that were taken together have one name."""
    return name.startswith(prefix) and _TIME.fullmatch(name, len(prefix)) is not None


def is_chosen(job: Job, name: str) -> bool:
    """True for ours, and for what the job names by its selection patterns."""
    return is_ours(job, name) or any(fnmatchcase(name, pattern) for pattern in job.selection_patterns)


def foreign_travel(job: Job) -> bool:
    """Whether snapshots that are not the job's own may travel."""
    return job.selection is Selection.ALL or bool(job.selection_patterns)


def travels(job: Job, name: str) -> bool:
    """True for a snapshot that the job's selection sends.

    LATEST sends only the newest of what is chosen. A job that takes no snapshots and names none has nothing that could
    be ours, so there it is the newest of all.
    """
    if job.selection is Selection.ALL:
        return True
    if job.selection is Selection.LATEST and job.snapshot_when is SnapshotWhen.NEVER and not job.selection_patterns:
        return True
    return is_chosen(job, name)
