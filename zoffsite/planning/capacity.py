"""How long is there room: what a day brings, when the box is full, what more history costs, what a base hangs on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from zoffsite.model.inventory import DatasetState
from zoffsite.model.memory import Increment
from zoffsite.model.status import Base

DAY = timedelta(days=1)
WINDOW = timedelta(days=30)
"""How far back counts: what was long ago says nothing of tomorrow."""
FEWEST = 3
"""Increments, over a day at least, before a growth can be told."""
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


def days_left(free: int | None, measured: float | None, daily: Mapping[str, float]) -> float | None:
    """Days until the box is full: as measured on the box, else as if nothing were ever pruned there.

    `measured` is what the free space of past runs says. None where neither can be told, or nothing grows.
    """
    if measured is not None:
        return measured
    brought = sum(daily.values())
    return free / brought if free is not None and brought > 0 else None


def month_more(daily: Mapping[str, float]) -> int | None:
    """Bytes that 30 days more of history cost at most: as if nothing that is written were ever overwritten."""
    return round(MONTH * sum(daily.values())) if daily else None


def base_of(source: DatasetState, guid: int) -> Base | None:
    """What the source still has of the newest snapshot on the box; None where the next increment has no base there."""
    snapshot = any(each.guid == guid for each in source.snapshots)
    bookmark = any(each.guid == guid for each in source.bookmarks)
    if not snapshot and not bookmark:
        return None
    return Base(snapshot=snapshot, bookmark=bookmark, room=None if bookmark else source.dataset.available)
