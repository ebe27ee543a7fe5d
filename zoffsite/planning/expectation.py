"""What the box will hold once a plan has been carried out."""

from __future__ import annotations

from dataclasses import replace

from zoffsite.model.inventory import DatasetState
from zoffsite.model.plan import Conflict, Refused, UpToDate
from zoffsite.model.version import Snapshot
from zoffsite.model.work import Work


def after_send(work: Work) -> DatasetState | None:
    """The replica after the plan of `work`; None where the plan leads nowhere."""
    plan = work.plan
    if isinstance(plan, Conflict | Refused):
        return None
    replica = work.replica or DatasetState(dataset=replace(work.source.dataset, name=plan.replica))
    if isinstance(plan, UpToDate):
        return replica
    arrived = tuple(_on_box(step.to, plan.replica) for step in plan.steps)
    return replace(replica, snapshots=replica.snapshots.plus(arrived))


def _on_box(snapshot: Snapshot, replica: str) -> Snapshot:
    return replace(snapshot, dataset=replica, holds=0, cloned=False)
