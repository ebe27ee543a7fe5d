"""What a run holds on the source while it sends, so that nobody can destroy it meanwhile.

A bookmark cannot be held. Pruning by name patterns never takes bookmarks, and ours carry the job's name.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.plan import DatasetPlan, Send
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.version import Snapshot
from zoffsite.model.work import SourceFacts


def hold_tag(job: Job) -> str:
    """The tag of the job's holds: `zoffsite-JOB`. Only holds of exactly this tag are ever released."""
    return f"zoffsite-{job.name}"


def to_hold(plan: DatasetPlan) -> tuple[str, ...]:
    """The full names of the base, if it is a snapshot, and of all that is sent."""
    if not isinstance(plan, Send):
        return ()
    base = plan.steps[0].base
    first = (base.full_name,) if isinstance(base, Snapshot) else ()
    return (*first, *(step.to.full_name for step in plan.steps))


def held_by_anyone(facts: SourceFacts) -> tuple[str, ...]:
    """The snapshots that somebody holds: where orphans of ours can be."""
    states = facts.inventory.datasets.values()
    held = (state.snapshots for state in states if any(state.snapshots.holds))
    return tuple(snapshot.full_name for snapshots in held for snapshot in snapshots if snapshot.holds)


def without_holds(facts: SourceFacts, released: Collection[str]) -> SourceFacts:
    """`facts` after one hold of each of the snapshots `released` is gone."""
    return replace(facts, chosen=tuple(_without(state, released) for state in facts.chosen)) if released else facts


def _without(state: DatasetState, released: Collection[str]) -> DatasetState:
    snapshots = (replace(s, holds=s.holds - 1) if s.full_name in released else s for s in state.snapshots)
    return replace(state, snapshots=Snapshots.of(snapshots))
