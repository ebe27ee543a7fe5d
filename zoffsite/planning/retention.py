"""What pruning keeps, with every reason, and what it destroys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache

from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job, Retention
from zoffsite.model.plan import PrunePlan, Side
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.work import Work
from zoffsite.planning.clones import lent
from zoffsite.planning.common_base import Base, find_base
from zoffsite.planning.naming import is_chosen, is_ours

HOUR = 3600
DAY = 24 * HOUR
_BUCKETS: tuple[tuple[str, str], ...] = (
    ("hourly", "%Y-%m-%d %H:00"),
    ("daily", "%Y-%m-%d"),
    ("weekly", "%G-W%V"),
    ("monthly", "%Y-%m"),
    ("yearly", "%Y"),
)


def plan_prunes_of(job: Job, work: Work, replica: DatasetState | None, now: datetime) -> tuple[PrunePlan, ...]:
    """Both sides of a dataset in a run, were its replica as given; nothing while an alarm stands. What clones of the
    run start from stays.
    """
    if replica is None or not work.prunable:
        return ()
    return plan_both_prunes(job, lent(work.source, work.lends), lent(replica, work.lends), now)


def plan_both_prunes(job: Job, source: DatasetState, replica: DatasetState, now: datetime) -> tuple[PrunePlan, ...]:
    """What to prune of one dataset on both sides, given a replica that is as it should be; empty where it is not.

    On the source only snapshots of ours are candidates, and what the box does not have yet is kept. On the box, those
    that the job's selection patterns name are candidates too: nobody else there would prune them. And on either side
    those that its retention's own patterns name.
    """
    base = find_base(source, replica)
    if not isinstance(base, Base):
        return ()
    needed = {base.version.guid: "base"}
    unsent = dict.fromkeys(source.snapshots.after(base.version.createtxg).guids, "not on the box yet")
    here, there = job.keep_source, job.keep_box
    return (
        plan_prune(Side.SOURCE, source, here, now, unsent | needed, lambda n: is_ours(job, n) or _named(here, n)),
        plan_prune(Side.BOX, replica, there, now, needed, lambda n: is_chosen(job, n) or _named(there, n)),
    )


def _named(retention: Retention, name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in retention.patterns)


def plan_prune(
    side: Side,
    state: DatasetState,
    retention: Retention,
    now: datetime,
    protected: Mapping[int, str],
    is_candidate: Callable[[str], bool],
) -> PrunePlan:
    """Keep what any rule keeps, destroy the rest of the candidates.

    `protected` gives guids that are never destroyed, with the reason. Never destroyed either: the newest snapshot,
    a held or cloned one, one that is no candidate. A retention without any rule keeps everything. Of an hour, day,
    week (ISO), month or year, in UTC, the newest snapshot is kept; those without snapshots do not count.
    """
    snapshots = state.snapshots
    candidates = {place for place, name in enumerate(snapshots.names) if is_candidate(name)}
    reasons = defaultdict[int, tuple[str, ...]](tuple)
    by_rules = _by_rules(snapshots, candidates, retention, now)
    for place, reason in (*_always(snapshots, protected, candidates), *by_rules):
        reasons[place] += (reason,)
    return PrunePlan(side=side, dataset=state.dataset.name, snapshots=snapshots, reasons=dict(reasons))


Reasons = Iterator[tuple[int, str]]
"""The place of a snapshot, and a reason to keep it."""


def _always(snapshots: Snapshots, protected: Mapping[int, str], candidates: Collection[int]) -> Reasons:
    if snapshots:
        yield len(snapshots) - 1, "newest"
    yield from ((place, protected[guid]) for place, guid in enumerate(snapshots.guids) if guid in protected)
    yield from ((place, "held") for place, holds in enumerate(snapshots.holds) if holds)
    yield from ((place, "cloned") for place, cloned in enumerate(snapshots.cloned) if cloned)
    yield from ((place, "not ours") for place in range(len(snapshots)) if place not in candidates)


def _by_rules(snapshots: Snapshots, candidates: Collection[int], retention: Retention, now: datetime) -> Reasons:
    if replace(retention, patterns=()) == Retention():  # patterns are no rule: they only say what the rules are about
        yield from ((place, "no rule") for place in candidates)
        return
    newest_first = sorted(candidates, reverse=True)
    for number, place in enumerate(newest_first[: retention.last], start=1):
        yield place, f"last {retention.last}: {number}"
    if retention.within is not None:
        since, reason = now.timestamp() - retention.within.total_seconds(), f"within {_words(retention.within)}"
        yield from ((place, reason) for place in newest_first if snapshots.creations[place] >= since)
    created = [(snapshots.creations[place], snapshots.createtxgs[place], place) for place in newest_first]
    created.sort(reverse=True)
    days = list(_newest_of_days(created))
    for rule, pattern in _BUCKETS:
        yield from _newest_of_each(created if rule == "hourly" else days, rule, pattern, getattr(retention, rule))


def _newest_of_days(created: Iterable[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """The newest of each day: what is the newest of a longer time is one of them."""
    last = None
    for each in created:
        day = each[0] // DAY
        if day != last:
            yield each
            last = day


def _newest_of_each(created: Iterable[tuple[int, int, int]], rule: str, pattern: str, count: int) -> Reasons:
    """`created`: when each was created, its createtxg and its place, the newest first."""
    buckets: set[str] = set()
    for creation, _, place in created if count else ():
        bucket = _bucket(creation // HOUR, pattern)
        if bucket in buckets:
            continue
        if len(buckets) == count:
            return
        buckets.add(bucket)
        yield place, f"{rule} {bucket}"


@lru_cache(maxsize=100_000)
def _bucket(hour: int, pattern: str) -> str:
    """Snapshots of many datasets share their hours, and to write a date costs more than all else here."""
    return datetime.fromtimestamp(hour * HOUR, UTC).strftime(pattern)


def _words(length: timedelta) -> str:
    """The largest whole unit: "2 days", "36 hours"."""
    seconds = int(length.total_seconds())
    for unit, size in (("week", 604800), ("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            number = seconds // size
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return f"{seconds} seconds"
