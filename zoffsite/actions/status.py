"""How the replicas of a job stand: both hosts listed once, every replica verified, its age judged."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from zoffsite.actions.box_word import status_by_box
from zoffsite.actions.disk import target_at_hand
from zoffsite.actions.look import look_at_source
from zoffsite.actions.plan import find_common_base
from zoffsite.actions.send import plan_error
from zoffsite.actions.verify import require
from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.notice import Notice
from zoffsite.model.plan import Conflict, Refused, Send
from zoffsite.model.report import DatasetOutcome, ErrorReport
from zoffsite.model.snapshots import NO_SNAPSHOTS
from zoffsite.model.status import JobStatus, ReplicaStatus
from zoffsite.model.version import NOT_TAKEN, Version
from zoffsite.model.work import JobWork, SourceFacts, Work
from zoffsite.planning.capacity import base_of
from zoffsite.planning.common_base import known_version
from zoffsite.planning.freshness import judge, last_known, objective_of, taken_at
from zoffsite.planning.wording import worded_error
from zoffsite.state import last_good

log = logging.getLogger(__name__)


def status_at_hand(
    job: Job, hosts: Connections, state_dir: Path, now: datetime
) -> tuple[JobStatus, ZoffsiteError | None]:
    """The same; where the target is a disk that is away, and may be, what the last runs came to, and a notice.

    Where the source cannot be asked, what the box says alone, and why; that is raised where the box cannot, either.
    """
    notices = list[Notice]()
    with target_at_hand(job, hosts, state_dir, now, notices.append) as there:
        found, missing = _seen(job, hosts, now) if there else (_as_last_known(job, hosts, state_dir, now), None)
    return replace(found, notices=tuple(notices)), missing


def _seen(job: Job, hosts: Connections, now: datetime) -> tuple[JobStatus, ZoffsiteError | None]:
    try:
        facts = look_at_source(job, hosts, now)
    except ZoffsiteError as missing:
        try:
            return status_by_box(job, hosts, now), missing
        except ZoffsiteError as error:
            log.warning("%s; %s", error, error.remedy)
            raise missing from error
    return _by_both(job, hosts, facts, now), None


def status(job: Job, hosts: Connections, now: datetime) -> JobStatus:
    """Look at both sides; changes nothing."""
    return _by_both(job, hosts, look_at_source(job, hosts, now), now)


def _by_both(job: Job, hosts: Connections, facts: SourceFacts, now: datetime) -> JobStatus:
    todo = find_common_base(job, hosts, facts, now)
    replicas = (*(status_of(job, work, now) for work in todo.datasets), *map(partial(_vanished, job), todo.vanished))
    return JobStatus(job=job.name, when=now, replicas=replicas, room=todo.room)


def _vanished(job: Job, plan: Conflict) -> ReplicaStatus:
    """Nothing is known of it but that it is not there: its replica is looked at by nobody."""
    objective = objective_of(job, plan.source)
    return ReplicaStatus(
        source=plan.source,
        replica=plan.replica,
        newest=None,
        guid=None,
        taken=None,
        as_of=None,
        used=0,
        freshness=judge(None, objective),
        objective=objective,
        base=None,
        error=ErrorReport.of(plan_error(plan)),
    )


def status_after(job: Job, todo: JobWork, outcomes: Iterable[DatasetOutcome], now: datetime) -> JobStatus:
    """The same after a backup, from what it saw and what it came to: nothing is listed again."""
    came = {outcome.source: outcome for outcome in outcomes}
    works = [(work, came[work.plan.source]) for work in todo.datasets if work.plan.source in came]
    replicas = tuple(_status_after(job, work, outcome, now) for work, outcome in works)
    return JobStatus(job=job.name, when=now, replicas=replicas, room=todo.room)


def _status_after(job: Job, work: Work, outcome: DatasetOutcome, now: datetime) -> ReplicaStatus:
    found = status_of(job, _carried_out(work, outcome), now)
    return replace(found, error=None if outcome.verified else outcome.error or found.error)


def _carried_out(work: Work, outcome: DatasetOutcome) -> Work:
    """`work` with the replica as it was verified. What it takes there is told by what it took, and what was sent."""
    arrived = work.source.snapshots.find(outcome.guid or NOT_TAKEN)
    if arrived is None or not outcome.verified or not isinstance(work.plan, Send):
        return work
    before = work.replica.dataset.used if work.replica else 0
    dataset = replace(work.source.dataset, name=work.plan.replica, used=before + outcome.bytes)
    there = work.replica.snapshots if work.replica else NO_SNAPSHOTS
    newest = replace(arrived, dataset=work.plan.replica, createtxg=there[-1].createtxg + 1 if there else 1)
    return replace(work, replica=DatasetState(dataset=dataset, snapshots=there.plus([newest])))


def _as_last_known(job: Job, hosts: Connections, state_dir: Path, now: datetime) -> JobStatus:
    good = last_good(job.name, state_dir)
    names = [each.dataset.name for each in look_at_source(job, hosts, now).chosen]
    return JobStatus(
        job=job.name,
        when=now,
        replicas=(),
        last_known=tuple(last_known(job, name, good.get(name), now) for name in names),
    )


def status_of(job: Job, work: Work, now: datetime) -> ReplicaStatus:
    """How one replica stands, by the facts of both sides: where the source knows better, the box is not believed."""
    replica = work.replica
    newest = replica.newest if replica else None
    known = known_version(work.source, work.family, newest.guid) if newest else None
    taken = taken_at(newest, known, now) if newest else None
    as_of = now if newest and unwritten_since(work.source, newest.guid) else taken
    objective = objective_of(job, work.source.dataset.name)
    return ReplicaStatus(
        source=work.source.dataset.name,
        replica=work.plan.replica,
        newest=newest.name if newest else None,
        guid=newest.guid if newest else None,
        taken=taken,
        as_of=as_of,
        used=replica.dataset.used if replica else 0,
        freshness=judge(now - as_of if as_of else None, objective),
        objective=objective,
        base=base_of(work.source, newest.guid) if newest else None,
        error=worded_error(job, problem) if (problem := _problem(work, known)) else None,
        referenced=newest.referenced if newest else 0,
        shared=work.source.snapshots.shared_with(replica.snapshots) if replica else NO_SNAPSHOTS,
        there=replica.snapshots if replica else NO_SNAPSHOTS,
    )


def unwritten_since(source: DatasetState, guid: int) -> bool:
    """True when the source's newest snapshot is `guid` and nothing was written after it."""
    return source.newest is not None and source.newest.guid == guid and source.dataset.written == 0


def _problem(work: Work, known: Version | None) -> ErrorReport | None:
    """Why the replica is not good as it is, if it is not."""
    try:
        if isinstance(work.plan, Conflict | Refused):
            raise plan_error(work.plan)
        if work.replica is not None and work.replica.newest is not None:
            require(work.plan.replica, known or work.replica.newest, work.replica)
    except ZoffsiteError as error:
        return ErrorReport.of(error)
    return None
