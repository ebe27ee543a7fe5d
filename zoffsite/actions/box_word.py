"""How the replicas of a job stand by the box's word alone: the source cannot be asked."""

from __future__ import annotations

from datetime import datetime

from zoffsite.actions.memory import ask_ledger
from zoffsite.hosts.connections import Connections
from zoffsite.ledger import Ledger
from zoffsite.model.inventory import Inventory
from zoffsite.model.job import Job
from zoffsite.model.memory import Memory
from zoffsite.model.status import JobStatus
from zoffsite.model.work import Room
from zoffsite.planning.box_word import by_box
from zoffsite.planning.selection import may_cover, named
from zoffsite.planning.space import room
from zoffsite.zfs.names import replica_of, replicas_by_dataset


def status_by_box(job: Job, hosts: Connections, now: datetime) -> JobStatus:
    """List the box alone: what it has below the job's root, and what the job names and the box does not have."""
    box = hosts.box_of(job).inventory(job.root)
    replicas = tuple(
        by_box(job, source, replica, box.datasets.get(replica), now)
        for source, replica in sorted(_replicas(job, box).items())
    )
    used = sum(each.used for each in replicas)
    return JobStatus(job=job.name, when=now, replicas=replicas, room=Room(used=used, free=max(room(job, box), 0)))


def _replicas(job: Job, box: Inventory) -> dict[str, str]:
    """Each dataset's replica. What the job is surely not about any more is left out: it only gets older."""
    wanted = {source: replica_of(job, source) for source in named(job)}
    memory = ask_ledger(job, Ledger.recall, Memory())
    remembered = {replica: each.dataset for replica, each in memory.replicas.items() if each.dataset}
    owners = {**remembered, **{replica: source for source, replica in wanted.items()}}
    found = replicas_by_dataset(job, box.datasets, owners)
    return {source: names[0] for source, names in found.items() if may_cover(job, source)} | wanted
