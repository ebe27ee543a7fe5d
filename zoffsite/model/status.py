"""How each replica stands, by what is on the box."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from zoffsite.model.notice import Notice
from zoffsite.model.report import ErrorReport


class Freshness(StrEnum):
    """How old a replica is against its objective."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaStatus:
    """One dataset's replica. `newest` is the newest snapshot on the box, taken at `taken` (UTC); `used` is bytes.

    `as_of` is the time whose data the box holds: `taken`, or the time of looking when the source has not been
    written to since. None: the box holds nothing. `error` says what verification found wrong.
    """

    source: str
    replica: str
    newest: str | None
    guid: int | None
    taken: datetime | None
    as_of: datetime | None
    used: int
    freshness: Freshness
    error: ErrorReport | None

    @property
    def good(self) -> bool:
        """Verified, and within its objective."""
        return self.error is None and self.freshness is Freshness.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """All replicas of one job, looked at `when` (UTC). None of them where the target is a disk that is away."""

    job: str
    when: datetime
    replicas: tuple[ReplicaStatus, ...]
    notices: tuple[Notice, ...] = ()
