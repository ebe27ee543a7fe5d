"""Take the job's snapshots: atomic per pool, only of encrypted datasets."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from zoffsite.actions.canary import remember_canary, write_canary
from zoffsite.actions.holds import release_orphans
from zoffsite.actions.hooks import hooks_around
from zoffsite.actions.look import look_at_source
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.endpoint import Source
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.report import DatasetOutcome, DatasetResult, ErrorReport
from zoffsite.model.version import Snapshot
from zoffsite.model.work import SourceFacts
from zoffsite.planning.hooks import plan_hooks
from zoffsite.planning.snapshots import to_snapshot
from zoffsite.zfs.names import replica_of

log = logging.getLogger(__name__)


def take_snapshots(job: Job, hosts: Connections, now: datetime, only: Collection[str] = ()) -> SourceFacts:
    """Snapshot what is due, in one command per pool, and return the source's facts with the new snapshots in them.

    The job's hooks are run around it; datasets whose `before` failed are left out. The canary is written before.
    """
    facts = release_orphans(job, look_at_source(job, hosts, now, only, by_changes=True), hosts)
    source = hosts.source_of(job)
    with hooks_around(plan_hooks(job, facts.chosen), source) as ran:
        canary = write_canary(job, facts, hosts, now)
        touched = canary.touched.union(ran.before)
        if touched:
            facts = _look_again(job, _without(job, facts, ran.failed), source, touched, now)
        facts = _take(facts, source)
    remember_canary(job, facts, canary)
    return replace(facts, notices=(*facts.notices, *ran.notices, *canary.notices))


def _without(job: Job, facts: SourceFacts, failed: Mapping[str, ZoffsiteError]) -> SourceFacts:
    outcomes = tuple(
        DatasetOutcome(
            source=name, replica=replica_of(job, name), state=DatasetResult.FAILED, error=ErrorReport.of(error)
        )
        for name, error in failed.items()
    )
    chosen = tuple(state for state in facts.chosen if state.dataset.name not in failed)
    return replace(facts, chosen=chosen, left_out=(*facts.left_out, *outcomes))


def _look_again(job: Job, facts: SourceFacts, source: Source, touched: Collection[str], now: datetime) -> SourceFacts:
    """What is due is known only now: a hook may have written, a dump of a database for instance."""
    names = sorted(state.dataset.name for state in facts.chosen if state.dataset.name in touched)
    if names:
        source.sync_pools(sorted({name.partition("/")[0] for name in names}))
    fresh = source.datasets(names)
    chosen = tuple(replace(s, dataset=fresh.get(s.dataset.name, s.dataset)) for s in facts.chosen)
    return replace(facts, chosen=chosen, to_snapshot=to_snapshot(job, chosen, now))


def _take(facts: SourceFacts, source: Source) -> SourceFacts:
    if not facts.to_snapshot:
        return facts
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
    return state if snapshot is None else replace(state, snapshots=state.snapshots.plus([snapshot]))


def _pool(full_name: str) -> str:
    return full_name.partition("@")[0].partition("/")[0]
