"""A restore as values: what was asked for, what would come back, what did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from zoffsite.model.dataset import Kind
from zoffsite.model.errors import ExitCode
from zoffsite.model.evidence import NO_TIME, Recovery
from zoffsite.model.inventory import DatasetState, TokenContents
from zoffsite.model.notice import Notice
from zoffsite.model.property import Property
from zoffsite.model.report import ErrorReport
from zoffsite.model.version import Snapshot

LATEST = "latest"
TO_LOOK = "ro,nosuid,nodev,noexec"
"""Options of a mount in which nothing can be changed or run, and that opens no device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be restored: `dataset`, as it is called on the source, with all below it unless `alone`, as `to`.

    `snapshot` is a name or LATEST. `before` (UTC) is set where it can be read as a time: the newest taken by then.
    """

    dataset: str
    to: str
    snapshot: str = LATEST
    before: datetime | None = None
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """The machine that receives, as far as a restore is about it: all that is at `to` now, and below.

    `tokens` are its interrupted receives, by dataset; `room` is what is free in the dataset above `to`, in bytes, and
    `encrypted` whether that one is.
    """

    there: Mapping[str, DatasetState] = field(default_factory=dict)
    tokens: Mapping[str, TokenContents] = field(default_factory=dict)
    room: int
    encrypted: bool = False


class RestoreAction(StrEnum):
    """How one dataset comes back: in full, the rest of it, or not again."""

    RECEIVE = "receive"
    RESUME = "resume"
    THERE = "there"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """One dataset of a restore. `snapshot` is that of the replica; None only where nothing can be restored.

    `key_of` is the dataset, as it is called on the source, whose key opens it. `estimated_bytes` are still to come, by
    the box's own word, and at most `longest` bytes are taken. `token` is the receiver's: where it broke off.
    `properties` are set on it; `properties_later` reach beyond it, and are for whoever makes it the live one.
    `place_to_look` is a folder for those that had one of their own: above it, nobody made a folder for it.
    """

    dataset: str
    replica: str
    target: str
    action: RestoreAction
    reason: str
    kind: Kind = Kind.FILESYSTEM
    snapshot: Snapshot | None = None
    key_of: str = ""
    estimated_bytes: int = 0
    longest: int = 0
    token: str | None = None
    code: str | None = None
    remedy: str | None = None
    properties: tuple[Property, ...] = ()
    properties_later: tuple[Property, ...] = ()
    place_to_look: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePlan:
    """A whole restore. `containers` are empty datasets that are made first, so that the others have a place.

    `time` is what it will take.
    """

    job: str
    wanted: Wanted
    containers: tuple[str, ...]
    datasets: tuple[Restoration, ...]
    notices: tuple[Notice, ...] = ()
    time: Recovery = NO_TIME

    @property
    def keys(self) -> tuple[str, ...]:
        """The datasets whose keys open what comes back, as they are called on the source."""
        return tuple(dict.fromkeys(each.key_of for each in self.datasets if each.key_of))

    @property
    def estimated_bytes(self) -> int:
        """What is still to come, all together."""
        return sum(each.estimated_bytes for each in self.datasets)


class RestoreResult(StrEnum):
    """How a restore ended for one dataset. THERE: an earlier one had brought it already."""

    RESTORED = "restored"
    THERE = "there"
    FAILED = "failed"
    REFUSED = "refused"

    @property
    def good(self) -> bool:
        """True when the dataset has come back."""
        return self in (RestoreResult.RESTORED, RestoreResult.THERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOutcome:
    """What became of one dataset. `unlocked`: its key is loaded; `mounted` is where, None for nowhere.

    An `error` of one that is restored is about its key or its mount.
    """

    plan: Restoration
    state: RestoreResult
    bytes: int = 0
    seconds: float = 0.0
    unlocked: bool = False
    mounted: str | None = None
    error: ErrorReport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """What a restore did. `started` is UTC."""

    plan: RestorePlan
    started: datetime
    seconds: float
    datasets: tuple[RestoreOutcome, ...]

    @property
    def exit_code(self) -> ExitCode:
        """What the command exits with."""
        if any(outcome.state is RestoreResult.REFUSED for outcome in self.datasets):
            return ExitCode.REFUSED
        return ExitCode.SOME_FAILED if any(outcome.error for outcome in self.datasets) else ExitCode.OK
