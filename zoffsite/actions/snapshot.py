"""Snapshot what is due: atomic per pool, only of encrypted datasets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from zoffsite.actions.canary import remember_canary, write_canary
from zoffsite.actions.holds import release_orphans
from zoffsite.actions.hooks import hooks_around
from zoffsite.actions.look import look_at_source
from zoffsite.actions.together import left_out, take_together
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.endpoint import Source
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.report import DatasetOutcome, DatasetResult, ErrorReport
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.work import SourceFacts
from zoffsite.planning.hooks import plan_hooks
from zoffsite.planning.naming import foreign_travel
from zoffsite.planning.snapshots import to_snapshot
from zoffsite.zfs.names import replica_of


def take_snapshots(job: Job, hosts: Connections, run: str, now: datetime, only: Collection[str] = ()) -> SourceFacts:
    """Snapshot what is due, in one command per pool, and return the source's facts with the new snapshots in them.

    The job's hooks are run around it; datasets whose `before` failed, and those that cannot be snapshotted, are left
    out. The canary is written before, and names the `run`.
    """
    facts = release_orphans(job, look_at_source(job, hosts, now, only, by_changes=True), hosts)
    source = hosts.source_of(job)
    with hooks_around(plan_hooks(job, facts.chosen), source) as ran:
        canary = write_canary(job, facts, hosts, run, now)
        touched = canary.touched.union(ran.before)
        if touched:
            facts = _look_again(job, _without(job, facts, ran.failed), source, touched, now)
        facts = _take(job, facts, source, touched)
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


def _take(job: Job, facts: SourceFacts, source: Source, touched: frozenset[str]) -> SourceFacts:
    """Where others' snapshots travel too, all are listed again: one of theirs may be older than ours, and unlisted.

    So it is with those that a hook has `touched`, also where nothing was written since a snapshot that the hook took.
    """
    taken = take_together(facts.to_snapshot, source)
    anew = foreign_travel(job)
    names = [name.partition("@")[0] for name in taken.names]
    if anew:
        others = touched.difference(names)
        names += [each.dataset.name for each in facts.chosen if each.dataset.name in others]
    if not names and not taken.failed:
        return facts
    there = source.snapshots_of(names) if anew else source.snapshots(taken.names)
    left = _without(job, facts, {**taken.failed, **left_out(taken.names, there)})
    chosen = tuple(_as_now(state, there.get(state.dataset.name), anew=anew) for state in left.chosen)
    return replace(left, chosen=chosen, to_snapshot=tuple(taken.names), notices=(*left.notices, *taken.notices))


def _as_now(state: DatasetState, there: Snapshots | None, *, anew: bool) -> DatasetState:
    """With all its snapshots, listed anew; or with the one that was taken just now."""
    if there is None:
        return state
    return replace(state, snapshots=there if anew else state.snapshots.plus(there))
