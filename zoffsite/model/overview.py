"""A job at a glance: how its replicas stand, how it runs, and how long there is room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from zoffsite.model.evidence import NO_CONFIDENCE, Confidence
from zoffsite.model.report import ErrorReport, RunState
from zoffsite.model.status import JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """The last run that was reported. `words` says in one line what it did."""

    run: str
    started: datetime
    seconds: float
    state: RunState
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How fast a job fills the box, in bytes; each is None where nobody can tell yet.

    `daily` is what a day brings of each dataset, by name. `days_left` is how many days until the box is full, if it
    goes on as it did. `month_more` is what 30 days more of history would cost at most.
    """

    free: int | None = None
    daily: Mapping[str, float] = field(default_factory=dict)
    days_left: float | None = None
    month_more: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One transfer of a run under way. `total` is an estimate; `rate` is bytes per second."""

    dataset: str
    done: int
    total: int
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRun:
    """A run under way, as it wrote it down at `updated` (UTC). `step` is what it does; `finished` counts datasets."""

    job: str
    run: str
    verb: str
    started: datetime
    updated: datetime
    step: str
    finished: int
    transfers: tuple[Transfer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All of it. `error` is why one of the sides could not be asked, if so; `status` then has what the box says alone
    where that is the source, else no replicas.

    `last_success` is when the last run started that went well as a whole; `next_run` what the schedule says.
    """

    status: JobStatus
    error: ErrorReport | None = None
    error_exit: int = 0
    last_run: LastRun | None = None
    last_success: datetime | None = None
    next_run: datetime | None = None
    live: LiveRun | None = None
    capacity: Capacity = Capacity()
    confidence: Confidence = NO_CONFIDENCE

    @property
    def good(self) -> bool:
        """Every replica is verified and fresh."""
        return self.error is None and all(replica.good for replica in self.status.replicas)
