"""Which snapshots a run takes before it sends."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job, SnapshotWhen
from zoffsite.model.version import NOT_TAKEN, Snapshot
from zoffsite.model.work import SourceFacts
from zoffsite.planning.choice import mistaken
from zoffsite.planning.naming import is_ours, snapshot_name, travels

__all__ = ["is_ours", "snapshot_name", "to_snapshot", "with_pending"]


def to_snapshot(job: Job, chosen: Collection[DatasetState], now: datetime) -> tuple[str, ...]:
    """The full names of the snapshots that are due, those of one pool next to each other.

    Never of a dataset that will be refused, nor of one that already has a snapshot of that name: a second run within
    the same second goes on with that one.
    """
    name = snapshot_name(job, now)
    due = (state.dataset for state in chosen if _due(job, state) and not _has(state, name))
    return tuple(f"{dataset.name}@{name}" for dataset in sorted(due, key=lambda d: (d.pool, d.name)))


def with_pending(facts: SourceFacts, now: datetime) -> SourceFacts:
    """`facts` as they would be once `facts.to_snapshot` were taken; those snapshots have the guid NOT_TAKEN."""
    names = dict(full_name.split("@", 1) for full_name in facts.to_snapshot)
    states = (*facts.chosen, *facts.inventory.datasets.values())
    txgs = (txg for state in states for txg in (*state.snapshots.createtxgs, *(b.createtxg for b in state.bookmarks)))
    txg = 1 + max(txgs, default=0)
    chosen = (_pending(state, names.get(state.dataset.name), txg, now) for state in facts.chosen)
    return replace(facts, chosen=tuple(chosen))


def _pending(state: DatasetState, name: str | None, txg: int, now: datetime) -> DatasetState:
    """With a snapshot that is younger than every other: also than those of a dataset that this one is a clone of."""
    if name is None:
        return state
    snapshot = Snapshot(
        dataset=state.dataset.name,
        name=name,
        guid=NOT_TAKEN,
        createtxg=txg,
        creation=int(now.timestamp()),
        written=state.dataset.written,
        referenced=state.dataset.referenced,
    )
    return replace(state, snapshots=state.snapshots.plus([snapshot]))


def _has(state: DatasetState, name: str) -> bool:
    return name in state.snapshots.names


def _due(job: Job, state: DatasetState) -> bool:
    if not state.dataset.encrypted or mistaken(job, state.dataset) or job.snapshot_when is SnapshotWhen.NEVER:
        return False
    if job.snapshot_when is SnapshotWhen.ALWAYS or not any(is_ours(job, name) for name in state.snapshots.names):
        return True
    return _written_since_newest(job, state) > 0


def _written_since_newest(job: Job, state: DatasetState) -> int:
    """Bytes written since the newest snapshot that travels: another tool's may be newer and never be sent."""
    written = state.dataset.written
    snapshots = state.snapshots
    for name, more in zip(reversed(snapshots.names), reversed(snapshots.written), strict=True):
        if travels(job, name):
            return written
        written += more
    return written
