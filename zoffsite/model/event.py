"""What the ledger has of the past, an event at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EventKind(StrEnum):
    """FOUND: both sides had the snapshot before anybody wrote down that it was sent."""

    SENT = "sent"
    FOUND = "found"
    PRUNED = "pruned"
    PROVED = "proved"
    DRILLED = "drilled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One send, prune, proof or drill of a dataset. `when` is UTC; what is None was not written down.

    `snapshot` is its name, of a prune the oldest that was to go. `base_guid` is 0 for a full stream. `side` and `count`
    are those of a prune: where it was, how many snapshots went. `good` is False for a proof or a drill that found a
    difference, None for one that broke off.
    """

    when: datetime
    kind: EventKind
    dataset: str
    snapshot: str
    guid: int | None = None
    base_guid: int | None = None
    bytes: int | None = None
    seconds: float | None = None
    side: str | None = None
    count: int | None = None
    good: bool | None = True
