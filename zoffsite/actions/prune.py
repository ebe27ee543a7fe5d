"""Destroy what the retention no longer keeps, and see to the bookmark of what the box has."""

from __future__ import annotations

import logging
from datetime import datetime

from zoffsite.actions.memory import let_go, note_left, note_pruned
from zoffsite.hosts.connections import Connections
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.plan import Side
from zoffsite.model.version import Snapshot
from zoffsite.model.work import Pruned
from zoffsite.planning.bookmarks import bookmark_of, superseded, to_bookmark
from zoffsite.planning.retention import plan_both_prunes

log = logging.getLogger(__name__)


def prune_and_remember(
    job: Job, source: DatasetState, replica: DatasetState, newest: Snapshot, hosts: Connections, now: datetime
) -> Pruned:
    """The end of a dataset's chain; `replica` was just verified to have `newest`. Can be repeated at any point."""
    remember(job, source, newest, hosts)
    return prune(job, source, replica, hosts, now)


def remember(job: Job, source: DatasetState, newest: Snapshot, hosts: Connections) -> None:
    """See that what the box has is bookmarked (a send has done so), then drop our older bookmarks of this dataset."""
    host = hosts.source_of(job)
    version = to_bookmark(job, source, newest.guid)
    if version is not None:
        host.bookmark(version, bookmark_of(job, version).full_name)
    for bookmark in superseded(job, source, newest.guid):
        host.destroy_bookmark(bookmark.full_name)


def prune(job: Job, source: DatasetState, replica: DatasetState, hosts: Connections, now: datetime) -> Pruned:
    """Prune one dataset on both sides, unless an alarm stands; `replica` must have just been verified."""
    counts = {Side.SOURCE: 0, Side.BOX: 0}
    plans = plan_both_prunes(job, source, replica, now)
    if not let_go(job, source.dataset.name, plans):
        return Pruned(source=0, box=0)
    for plan in plans:
        names = [snapshot.name for snapshot in plan.destroy]
        if not names:
            continue
        log.info("%s: pruning %d snapshots on the %s: %s", plan.dataset, len(names), plan.side, ", ".join(names))
        if plan.side is Side.SOURCE:
            counts[plan.side] = hosts.source_of(job).destroy_snapshots(plan.dataset, names)
        else:
            kept = hosts.box_of(job).destroy_snapshots(plan.dataset, plan.destroy)
            counts[plan.side] = note_left(job, plan, kept)
        note_pruned(job, source.dataset.name, replica.dataset.name, plan, counts[plan.side])
    return Pruned(source=counts[Side.SOURCE], box=counts[Side.BOX])
