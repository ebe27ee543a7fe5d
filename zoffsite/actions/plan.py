"""Find the common base of every dataset and plan the run: facts in, a plain value out."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from zoffsite.actions.look import BoxFacts, look_at_box, look_at_source
from zoffsite.actions.memory import memory_of, notices_of, recall
from zoffsite.hosts.connections import Connections
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.memory import Remembered
from zoffsite.model.plan import JobPlan, PrunePlan
from zoffsite.model.work import JobWork, SourceFacts, Work
from zoffsite.planning.alarms import alarms
from zoffsite.planning.expectation import after_send
from zoffsite.planning.memory import another_source
from zoffsite.planning.retention import plan_both_prunes
from zoffsite.planning.selection import check_distinct
from zoffsite.planning.sends import plan_sends
from zoffsite.planning.snapshots import with_pending
from zoffsite.zfs.names import replica_of


def preview(job: Job, hosts: Connections, now: datetime, only: Collection[str] = ()) -> JobPlan:
    """What a run would do now, the snapshots it would take included. Changes nothing."""
    facts = look_at_source(job, hosts, now, only)
    return find_common_base(job, hosts, with_pending(facts, now), now).plan


def find_common_base(job: Job, hosts: Connections, facts: SourceFacts, now: datetime) -> JobWork:
    """List the box once and plan every dataset."""
    replicas = {state.dataset.name: replica_of(job, state.dataset.name) for state in facts.chosen}
    check_distinct(replicas)
    box = look_at_box(job, hosts, replicas.values())
    memory, trouble = recall(job)
    works = tuple(
        plan_dataset(job, state, replica, box, memory_of(memory, state.dataset.name, replica))
        for state, replica in ((state, replicas[state.dataset.name]) for state in facts.chosen)
    )
    prunes = [prune for work in works for prune in expected_prunes(job, work, now)]
    plan = JobPlan(
        job=job.name,
        to_snapshot=facts.to_snapshot,
        datasets=tuple(work.plan for work in works),
        prune=tuple(prune for prune in prunes if prune.destroy),
        notices=(*trouble, *(notice for work in works for notice in notices_of(job, work))),
    )
    return JobWork(plan=plan, datasets=works)


def plan_dataset(job: Job, source: DatasetState, replica: str, box: BoxFacts, memory: Remembered | None) -> Work:
    """Plan one dataset from the facts of both sides, and from what the ledger remembers of it."""
    state = box.inventory.datasets.get(replica)
    plan = plan_sends(job, source, state, box.tokens.get(replica), replica)
    if memory is None:
        return Work(plan=plan, source=source, replica=state, memory=None)
    plan = another_source(job, plan, source, memory) or plan
    return Work(plan=plan, source=source, replica=state, memory=memory, raised=alarms(job, plan, source, state, memory))


def expected_prunes(job: Job, work: Work, now: datetime) -> tuple[PrunePlan, ...]:
    """What pruning would do on both sides once the plan has been carried out.

    Nothing where nothing can be sent, or while an alarm stands.
    """
    replica = after_send(work)
    return () if replica is None or not work.prunable else plan_both_prunes(job, work.source, replica, now)
