"""Plans: plain values that say what would be done, and why, before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from zoffsite.model.job import Hook
from zoffsite.model.notice import Notice
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.version import Snapshot, Version


class Side(StrEnum):
    """The two ends of a job."""

    SOURCE = "source"
    BOX = "box"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendStep:
    """One `zfs send -w [-i base] to`. Always plain, never `-I`: that wraps the stream in a compound one (facts).

    `written` is its size as the source counts it, whole even where it is resumed; None where that is not known.
    """

    to: Snapshot
    base: Version | None
    estimated_bytes: int
    written: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FullSend:
    """The box has nothing of this dataset: the first step is full, those after it incremental."""

    action: ClassVar[str] = "full"
    source: str
    replica: str
    steps: tuple[SendStep, ...]
    reason: str
    stale_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncrementalSend:
    """Both sides share the base of the first step. `stale_token`: an interrupted receive to be aborted first."""

    action: ClassVar[str] = "incremental"
    source: str
    replica: str
    steps: tuple[SendStep, ...]
    reason: str
    stale_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeSend:
    """The first step was interrupted; `token` was vetted against it. The steps after it are sent as usual."""

    action: ClassVar[str] = "resume"
    source: str
    replica: str
    token: str
    steps: tuple[SendStep, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpToDate:
    """The box has the newest selected snapshot. `newest` is the box's own where the source has only its bookmark."""

    action: ClassVar[str] = "up-to-date"
    source: str
    replica: str
    newest: Snapshot
    reason: str
    stale_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Source and replica have diverged; the replica is kept as it is, and a person decides."""

    action: ClassVar[str] = "conflict"
    source: str
    replica: str
    code: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Sending would be unsafe: not encrypted, a key loaded on the box, a token nobody planned …"""

    action: ClassVar[str] = "refused"
    source: str
    replica: str
    code: str
    reason: str
    remedy: str


Send = FullSend | IncrementalSend | ResumeSend
DatasetPlan = Send | UpToDate | Conflict | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A snapshot that pruning keeps, with every reason it has."""

    snapshot: Snapshot
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunePlan:
    """What pruning keeps and destroys of the `snapshots` of one dataset on one side.

    `reasons` gives every reason to keep one, by its place among them; what has none is destroyed.
    """

    side: Side
    dataset: str
    snapshots: Snapshots
    reasons: Mapping[int, tuple[str, ...]]

    @property
    def keep(self) -> tuple[Kept, ...]:
        """What stays, oldest first."""
        places = sorted(self.reasons)
        return tuple(Kept(snapshot=self.snapshots[place], reasons=self.reasons[place]) for place in places)

    @property
    def destroys(self) -> int:
        """How many go."""
        return len(self.snapshots) - len(self.reasons)

    @property
    def destroy(self) -> Snapshots:
        """What goes, oldest first."""
        return self.snapshots.pick([place for place in range(len(self.snapshots)) if place not in self.reasons])


@dataclass(frozen=True, slots=True, kw_only=True)
class HookPlan:
    """A hook that a run would run, and the datasets of the run that it is about."""

    hook: Hook
    datasets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """The whole run as a value. `to_snapshot` are the full names that the run would take first."""

    job: str
    to_snapshot: tuple[str, ...]
    datasets: tuple[DatasetPlan, ...]
    prune: tuple[PrunePlan, ...]
    notices: tuple[Notice, ...] = ()
    hooks: tuple[HookPlan, ...] = ()
