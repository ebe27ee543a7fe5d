"""Find the common base of every dataset and plan the run: facts in, a plain value out."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from zoffsite.actions.look import BoxFacts, look_at_box, look_at_source
from zoffsite.actions.memory import notices_of, recall
from zoffsite.actions.space import see_that_it_fits
from zoffsite.actions.versions import ask_versions
from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import OperationError
from zoffsite.model.family import Family
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.memory import Memory, Remembered
from zoffsite.model.plan import DatasetPlan, JobPlan, PrunePlan
from zoffsite.model.work import JobWork, Room, SourceFacts, Work
from zoffsite.planning.alarms import alarms
from zoffsite.planning.expectation import after_send
from zoffsite.planning.hooks import plan_hooks
from zoffsite.planning.known_bugs import refuse_for_bugs
from zoffsite.planning.memory import another_source, memory_of
from zoffsite.planning.obstacles import bad_name
from zoffsite.planning.retention import plan_prunes_of
from zoffsite.planning.selection import check_distinct, covered, idle_exclusions
from zoffsite.planning.sends import plan_sends
from zoffsite.planning.sizes import measured, to_measure
from zoffsite.planning.snapshots import with_pending
from zoffsite.planning.space import crowded_out, room
from zoffsite.planning.together import plan_together
from zoffsite.planning.wording import worded_notice, worded_plan
from zoffsite.zfs.names import is_dataset, replica_of

log = logging.getLogger(__name__)


def preview(job: Job, hosts: Connections, now: datetime, only: Collection[str] = ()) -> JobPlan:
    """What a run would do now, the snapshots it would take included. Changes nothing."""
    facts = look_at_source(job, hosts, now, only)
    plan = find_common_base(job, hosts, with_pending(facts, now), now).plan
    return replace(plan, hooks=plan_hooks(job, facts.chosen))


def find_common_base(
    job: Job, hosts: Connections, facts: SourceFacts, now: datetime, *, by_changes: bool = False
) -> JobWork:
    """List the box once and plan every dataset."""
    names = {state.dataset.name: replica_of(job, state.dataset.name) for state in covered(facts.inventory, job)}
    check_distinct(names)
    replicas = [names[state.dataset.name] for state in facts.chosen]
    box = look_at_box(job, hosts, replicas, by_changes=by_changes)
    memory, trouble = recall(job)

    def plan_one(source: DatasetState, family: Family) -> Work:
        replica = names[source.dataset.name]
        there = box.inventory.datasets.get(replica)
        known = None if memory is None else memory_of(memory, source, replica, there)
        return plan_dataset(job, hosts, source, replica, box, known, family)

    works, notices = plan_together(job, facts, box.inventory.datasets, names, memory or Memory(), plan_one)
    running = ask_versions(job, hosts, works)
    works = see_that_it_fits(job, hosts, refuse_for_bugs(works, running.releases), box.inventory, now)
    works = tuple(replace(work, plan=worded_plan(job, work.plan)) for work in works)
    vanished = tuple(worded_plan(job, plan) for plan in facts.vanished)
    prunes = (prune for work in works for prune in expected_prunes(job, work, now))
    idle = idle_exclusions(job, facts.inventory)
    of_works = (notice for work in works for notice in notices_of(job, work))
    said = (*trouble, *running.notices, *idle, *notices, *of_works)
    plan = JobPlan(
        job=job.name,
        to_snapshot=facts.to_snapshot,
        datasets=(*(work.plan for work in works), *vanished),
        prune=tuple(prune for prune in prunes if prune.destroys),
        notices=tuple(worded_notice(job, notice) for notice in said),
    )
    used = sum(work.replica.dataset.used for work in works if work.replica)
    free = max(room(job, box.inventory), 0)
    return JobWork(plan=plan, datasets=works, room=Room(used=used, free=free), vanished=facts.vanished)


def plan_dataset(
    job: Job,
    hosts: Connections,
    source: DatasetState,
    replica: str,
    box: BoxFacts,
    memory: Remembered | None,
    family: Family,
) -> Work:
    """Plan one dataset from the facts of both sides, and from what the ledger remembers of it."""
    state = box.inventory.datasets.get(replica)
    if not is_dataset(replica):
        return Work(plan=bad_name(job, source, replica), source=source, replica=None, memory=memory, family=family)
    plan = _measure(job, hosts, plan_sends(job, source, state, box.tokens.get(replica), replica, family))
    work = Work(plan=plan, source=source, replica=state, memory=memory, family=family)
    if memory is None:
        return work
    plan = another_source(job, plan, source, memory) or plan
    return replace(work, plan=plan, raised=alarms(job, plan, source, state, memory))


def _measure(job: Job, hosts: Connections, plan: DatasetPlan) -> DatasetPlan:
    """`plan` with the size of what starts from a bookmark: a process, for such a dataset only."""
    step = to_measure(plan)
    try:
        return measured(plan, None if step is None else hosts.source_of(job).estimate(step))
    except OperationError as error:
        log.warning("%s; %s", error, error.remedy)
        return measured(plan, None)


def expected_prunes(job: Job, work: Work, now: datetime) -> tuple[PrunePlan, ...]:
    """What pruning would do on both sides once the plan has been carried out.

    Nothing where nothing can be sent, or while an alarm stands. Where only room is missing: of the replica as it is.
    """
    return plan_prunes_of(job, work, work.replica if crowded_out(work.plan) else after_send(work), now)
