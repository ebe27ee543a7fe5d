"""What pruning keeps, with every reason, and what it destroys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job, Retention
from zoffsite.model.plan import Kept, PrunePlan, Side
from zoffsite.model.version import Snapshot
from zoffsite.planning.common_base import Base, find_base
from zoffsite.planning.naming import is_chosen, is_ours

_BUCKETS: tuple[tuple[str, str], ...] = (
    ("hourly", "%Y-%m-%d %H:00"),
    ("daily", "%Y-%m-%d"),
    ("weekly", "%G-W%V"),
    ("monthly", "%Y-%m"),
    ("yearly", "%Y"),
)


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
    unsent = {s.guid: "not on the box yet" for s in source.snapshots if s.createtxg > base.version.createtxg}
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
    candidates = [snapshot for snapshot in state.snapshots if is_candidate(snapshot.name)]
    reasons: dict[str, list[str]] = {snapshot.name: [] for snapshot in state.snapshots}
    for snapshot, reason in (*_always(state, protected, is_candidate), *_by_rules(candidates, retention, now)):
        reasons[snapshot.name].append(reason)
    return PrunePlan(
        side=side,
        dataset=state.dataset.name,
        keep=tuple(Kept(snapshot=s, reasons=tuple(reasons[s.name])) for s in state.snapshots if reasons[s.name]),
        destroy=tuple(snapshot for snapshot in state.snapshots if not reasons[snapshot.name]),
    )


Reasons = Iterator[tuple[Snapshot, str]]


def _always(state: DatasetState, protected: Mapping[int, str], is_candidate: Callable[[str], bool]) -> Reasons:
    for snapshot in state.snapshots:
        if snapshot is state.newest:
            yield snapshot, "newest"
        if snapshot.guid in protected:
            yield snapshot, protected[snapshot.guid]
        if snapshot.holds:
            yield snapshot, "held"
        if snapshot.cloned:
            yield snapshot, "cloned"
        if not is_candidate(snapshot.name):
            yield snapshot, "not ours"


def _by_rules(candidates: list[Snapshot], retention: Retention, now: datetime) -> Reasons:
    if replace(retention, patterns=()) == Retention():  # patterns are no rule: they only say what the rules are about
        yield from ((snapshot, "no rule") for snapshot in candidates)
        return
    newest_first = candidates[::-1]
    for number, snapshot in enumerate(newest_first[: retention.last], start=1):
        yield snapshot, f"last {retention.last}: {number}"
    if retention.within is not None:
        yield from _within(newest_first, retention.within, now)
    for rule, pattern in _BUCKETS:
        yield from _newest_of_each(newest_first, rule, pattern, getattr(retention, rule))


def _within(snapshots: Iterable[Snapshot], within: timedelta, now: datetime) -> Reasons:
    since = now.timestamp() - within.total_seconds()
    for snapshot in snapshots:
        if snapshot.creation >= since:
            yield snapshot, f"within {_words(within)}"


def _newest_of_each(snapshots: Iterable[Snapshot], rule: str, pattern: str, count: int) -> Reasons:
    buckets: set[str] = set()
    for snapshot in sorted(snapshots, key=lambda s: (s.creation, s.createtxg), reverse=True) if count else ():
        bucket = _bucket(snapshot, pattern)
        if bucket in buckets:
            continue
        if len(buckets) == count:
            return
        buckets.add(bucket)
        yield snapshot, f"{rule} {bucket}"


def _bucket(snapshot: Snapshot, pattern: str) -> str:
    return datetime.fromtimestamp(snapshot.creation, UTC).strftime(pattern)


def _words(length: timedelta) -> str:
    """The largest whole unit: "2 days", "36 hours"."""
    seconds = int(length.total_seconds())
    for unit, size in (("week", 604800), ("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            number = seconds // size
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return f"{seconds} seconds"
