"""Take the job's snapshots: atomic per pool, only of encrypted datasets."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from zoffsite.actions.holds import release_orphans
from zoffsite.actions.look import look_at_source
from zoffsite.hosts.connections import Connections
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.version import Snapshot
from zoffsite.model.work import SourceFacts

log = logging.getLogger(__name__)


def take_snapshots(job: Job, hosts: Connections, now: datetime, only: Collection[str] = ()) -> SourceFacts:
    """Snapshot what is due, in one command per pool, and return the source's facts with the new snapshots in them."""
    facts = release_orphans(job, look_at_source(job, hosts, now, only), hosts)
    if not facts.to_snapshot:
        return facts
    source = hosts.source_of(job)
    for pool, names in itertools.groupby(facts.to_snapshot, key=_pool):
        pool_names = tuple(names)
        log.info("snapshot of %d datasets on %s: %s", len(pool_names), pool, pool_names[0].partition("@")[2])
        source.snapshot(pool_names)
    return with_snapshots(facts, source.snapshots(facts.to_snapshot))


def with_snapshots(facts: SourceFacts, snapshots: Collection[Snapshot]) -> SourceFacts:
    """`facts` with `snapshots` as the newest of their datasets."""
    newest = {snapshot.dataset: snapshot for snapshot in snapshots}
    return replace(facts, chosen=tuple(_with_newest(state, newest.get(state.dataset.name)) for state in facts.chosen))


def _with_newest(state: DatasetState, snapshot: Snapshot | None) -> DatasetState:
    return state if snapshot is None else replace(state, snapshots=(*state.snapshots, snapshot))


def _pool(full_name: str) -> str:
    return full_name.partition("@")[0].partition("/")[0]
