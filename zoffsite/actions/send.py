"""Send one dataset, raw, step by step, from the facts of the moment."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from functools import partial

from zoffsite.actions.holds import Holds, held
from zoffsite.actions.look import look_at_replica
from zoffsite.actions.memory import Record, take_note
from zoffsite.actions.plan import plan_dataset
from zoffsite.actions.progress import Progress, shown_on_board
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.transfer import transfer
from zoffsite.model.errors import ConflictError, SafetyError
from zoffsite.model.job import Job
from zoffsite.model.plan import Conflict, DatasetPlan, FullSend, IncrementalSend, Refused, ResumeSend, Send, UpToDate
from zoffsite.model.version import Snapshot
from zoffsite.model.work import Sent, Work
from zoffsite.planning.bookmarks import with_bookmarks

log = logging.getLogger(__name__)


def send(job: Job, work: Work, hosts: Connections, progress: Progress, *, attempt: int = 0) -> Sent:
    """Carry out the plan of one dataset. After a failed attempt both sides are looked at and planned anew.

    Raises SafetyError or ConflictError for a plan that must not be carried out, TransferError when it broke off.
    """
    if attempt > 0:
        work = replace(work, source=hosts.source_of(job).dataset(work.plan.source))
        box = look_at_replica(job, hosts, work.plan.replica)
        work = plan_dataset(job, hosts, work.source, work.plan.replica, box, work.memory, work.family)
        take_note(job, (work,))  # there may be newer snapshots by now
    return _follow(job, work, hosts, progress)


def _follow(job: Job, work: Work, hosts: Connections, progress: Progress) -> Sent:
    plan = work.plan
    match plan:
        case Conflict() | Refused():
            raise plan_error(plan)
        case UpToDate():
            _abort_stale(job, plan, hosts)
            return Sent(newest=plan.newest, bytes=0, seconds=0.0, source=work.source)
        case FullSend() | IncrementalSend() | ResumeSend():
            with held(job, work, plan, hosts) as holds:
                sent = _carry_out(job, plan, Record(job, work), hosts, holds, progress)
            return replace(sent, source=with_bookmarks(work.source, holds.bookmarks))


def plan_error(plan: Conflict | Refused) -> ConflictError | SafetyError:
    """The error that a plan without a way forward stands for."""
    kind = ConflictError if isinstance(plan, Conflict) else SafetyError
    return kind("back up", plan.source, plan.reason, plan.remedy, code=plan.code)


def _carry_out(job: Job, plan: Send, record: Record, hosts: Connections, holds: Holds, progress: Progress) -> Sent:
    source, box = hosts.source_of(job), hosts.box_of(job)
    started = time.monotonic()
    if not isinstance(plan, ResumeSend):
        _abort_stale(job, plan, hosts)
    limiter = hosts.limiter_of(job)
    sent = 0
    complete = False
    progress = shown_on_board(job.name, progress)
    progress.start(plan.source, estimated_bytes(plan))

    def moved(snapshot: Snapshot, count: int) -> None:
        holds.leaving(snapshot)
        progress.advance(plan.source, count)

    try:
        for number, step in enumerate(plan.steps):
            holds.reach(number)
            resumed = plan.token if isinstance(plan, ResumeSend) and number == 0 else None
            began = time.monotonic()
            count = transfer(
                source,
                box,
                step,
                plan.replica,
                token=resumed,
                limiter=limiter,
                stall=job.stall,
                on_bytes=partial(moved, step.to),
                check_key=partial(record.check_key, step, resumed=resumed is not None),
            )
            holds.arrived(step.to)
            record.sent(step, count, time.monotonic() - began)
            sent += count
        complete = True
    finally:
        progress.finish(plan.source, complete=complete)
    seconds = time.monotonic() - started
    return Sent(newest=plan.steps[-1].to, bytes=sent, seconds=seconds, notices=record.notices)


def _abort_stale(job: Job, plan: FullSend | IncrementalSend | UpToDate, hosts: Connections) -> None:
    """Give up an interrupted receive that can no longer be resumed: nothing of it was ever part of the replica."""
    if plan.stale_token is not None:
        log.warning("%s: an interrupted receive can no longer be resumed and is aborted", plan.source)
        hosts.box_of(job).abort_receive(plan.replica)


def estimated_bytes(plan: DatasetPlan) -> int:
    """The bytes that the whole plan is thought to move."""
    return sum(step.estimated_bytes for step in plan.steps) if isinstance(plan, Send) else 0
