"""How long is there room: what a day brings, when the box is full, what more history costs, what a base hangs on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from zoffsite.model.history import PastRun
from zoffsite.model.inventory import DatasetState
from zoffsite.model.memory import Increment
from zoffsite.model.status import Base

DAY = timedelta(days=1)
WINDOW = timedelta(days=30)
"""How far back counts: what was long ago says nothing of tomorrow."""
FEWEST = 3
"""Increments, over a day at least, before a growth can be told."""
SPAN = timedelta(days=2)
"""Backups must be so far apart at least, before they say how the box fills."""
MONTH = 30


def daily_growth(increments: Iterable[Increment], now: datetime) -> dict[str, float]:
    """Bytes that a day brings to the box, by dataset; those of which nobody can tell yet are missing.

    The first increment of the window only says when the second one began.
    """
    found: defaultdict[str, list[Increment]] = defaultdict(list)
    for each in increments:
        if now - WINDOW <= each.when <= now:
            found[each.dataset].append(each)
    return {name: rate for name, many in found.items() if (rate := _rate(many)) is not None}


def _rate(increments: list[Increment]) -> float | None:
    first, *rest = sorted(increments, key=lambda each: each.when)
    if len(rest) < FEWEST - 1 or rest[-1].when - first.when < DAY:
        return None
    return sum(each.written for each in rest) / ((rest[-1].when - first.when) / DAY)


def filling(past: Iterable[PastRun], now: datetime) -> float | None:
    """Bytes by which a day makes the free space on the box smaller, pruning counted in; less than 0: it grows.

    None where too few backups are known to tell.
    """
    seen = [each for each in past if each.verb == "backup" and each.free is not None and now - each.started <= WINDOW]
    known = sorted((each.started, each.free or 0) for each in seen)
    if not known or known[-1][0] - known[0][0] < SPAN:
        return None
    return (known[0][1] - known[-1][1]) / ((known[-1][0] - known[0][0]) / DAY)


def days_left_by(past: Sequence[PastRun]) -> float | None:
    """Days until the box is full at the time of the last backup, if it goes on to fill as it did; None: who knows."""
    backups = [each for each in past if each.verb == "backup"]
    return days_left(backups[-1].free, filling(backups, backups[-1].started), {}) if backups else None


def days_left(free: int | None, filled: float | None, daily: Mapping[str, float]) -> float | None:
    """Days until the box is full: as `filled` was measured there, else as if nothing were ever pruned there.

    None where neither can be told, or it does not fill.
    """
    rate = sum(daily.values()) if filled is None else filled
    return max(free, 0) / rate if free is not None and rate > 0 else None


def month_more(daily: Mapping[str, float]) -> int | None:
    """Bytes that 30 days more of history cost at most: as if nothing that is written were ever overwritten."""
    return round(MONTH * sum(daily.values())) if daily else None


def base_of(source: DatasetState, guid: int) -> Base | None:
    """What the source still has of the newest snapshot on the box; None where the next increment has no base there."""
    snapshot = guid in source.snapshots.guids
    bookmark = any(each.guid == guid for each in source.bookmarks)
    if not snapshot and not bookmark:
        return None
    return Base(snapshot=snapshot, bookmark=bookmark, room=None if bookmark else source.dataset.available)
