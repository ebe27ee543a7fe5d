"""What a run holds on the source while it sends, so that nobody can destroy it meanwhile.

A bookmark cannot be held. Pruning by name patterns never takes bookmarks, and ours carry the job's name.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.plan import Send
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.version import Snapshot
from zoffsite.model.work import SourceFacts

AT_ONCE = 20
"""Steps of a chain that are held at once: ZFS takes a transaction group, up to some seconds, for each hold."""


def hold_tag(job: Job) -> str:
    """The tag of the job's holds: `zoffsite-JOB`. Only holds of exactly this tag are ever released."""
    return f"zoffsite-{job.name}"


def to_hold(plan: Send, number: int = 0) -> tuple[str, ...]:
    """The full names of the base of step `number`, if it is a snapshot, and of the AT_ONCE steps from there on."""
    base = plan.steps[number].base
    first = (base.full_name,) if isinstance(base, Snapshot) else ()
    return (*first, *(step.to.full_name for step in plan.steps[number : number + AT_ONCE]))


def held_by_anyone(facts: SourceFacts) -> tuple[Snapshot, ...]:
    """The snapshots that somebody holds: where orphans of ours can be."""
    states = facts.inventory.datasets.values()
    held = (state.snapshots for state in states if any(state.snapshots.holds))
    return tuple(snapshot for snapshots in held for snapshot in snapshots if snapshot.holds)


def without_holds(facts: SourceFacts, released: Collection[str]) -> SourceFacts:
    """`facts` after one hold of each of the snapshots `released` is gone."""
    return replace(facts, chosen=tuple(_without(state, released) for state in facts.chosen)) if released else facts


def _without(state: DatasetState, released: Collection[str]) -> DatasetState:
    snapshots = (replace(s, holds=s.holds - 1) if s.full_name in released else s for s in state.snapshots)
    return replace(state, snapshots=Snapshots.of(snapshots))
