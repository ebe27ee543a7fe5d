"""How each replica stands, by what is on the box."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from zoffsite.model.checkup import Word
from zoffsite.model.notice import Notice
from zoffsite.model.report import ErrorReport
from zoffsite.model.snapshots import NO_SNAPSHOTS, Snapshots
from zoffsite.model.work import Room


class Freshness(StrEnum):
    """How old a replica is against its objective."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What the next increment starts from: the newest on the box, as the source still has it.

    `room` is how many bytes can be written on the source before it is full, and somebody must destroy the snapshot that
    is the base. A bookmark takes no room and survives that: then it is None.
    """

    snapshot: bool
    bookmark: bool
    room: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaStatus:
    """One dataset's replica. `newest` is the newest snapshot on the box, taken at `taken` (UTC); `used` is bytes.

    `taken` is as the source knows it; the box's word counts where the source does not know that snapshot, and not in
    the future: then it is None.

    `referenced` is how many bytes the newest is, and would bring back. `there` are all that the box has, `shared` the
    source's of them.
    `base` is None where the source has nothing left of it, or the box has nothing at all.
    `as_of` is the time whose data the box holds: `taken`, or the time of looking when the source has not been
    written to since. None: the box holds nothing, or nobody knows of when. `error` says what verification found wrong.
    `word`: where the source could not be asked, all of it is what the box says of itself, and nothing is verified.
    """

    source: str
    replica: str
    newest: str | None
    guid: int | None
    taken: datetime | None
    as_of: datetime | None
    used: int
    freshness: Freshness
    objective: timedelta
    base: Base | None
    error: ErrorReport | None
    referenced: int = 0
    shared: Snapshots = NO_SNAPSHOTS
    word: Word = Word.OWN
    there: Snapshots = NO_SNAPSHOTS

    @property
    def good(self) -> bool:
        """Verified, and within its objective."""
        return not self.wrong and self.word is Word.OWN

    @property
    def wrong(self) -> bool:
        """Something was found wrong with it, or it is too old, whoever says so."""
        return self.error is not None or self.freshness is not Freshness.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class LastKnown:
    """A replica on a disk that is away: `good` is when the last run started that went well for it (UTC), None: never.

    `freshness` is of that: what the disk holds is as old, if it still holds it.
    """

    source: str
    good: datetime | None
    freshness: Freshness
    objective: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """All replicas of one job, looked at `when` (UTC). None of them where the target is a disk that is away: then
    `last_known` are all of them, and a notice says since when.

    `room` is what the target has, None where it was not asked.
    """

    job: str
    when: datetime
    replicas: tuple[ReplicaStatus, ...]
    notices: tuple[Notice, ...] = ()
    last_known: tuple[LastKnown, ...] = ()
    room: Room | None = None
