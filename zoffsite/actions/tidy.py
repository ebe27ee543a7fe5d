"""The run that only prunes: the retention, without a snapshot and without a send."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime

from zoffsite.actions.backup import direct_verbs
from zoffsite.actions.chain import replicate, split
from zoffsite.actions.look import look_at_source
from zoffsite.actions.memory import take_note
from zoffsite.actions.plan import find_common_base
from zoffsite.actions.progress import log_progress
from zoffsite.actions.retrying import with_retries
from zoffsite.actions.run import Known, Occasion, run_job, run_name
from zoffsite.config.settings import Settings
from zoffsite.hosts.connections import Connections
from zoffsite.model.job import Job
from zoffsite.model.notice import Notice
from zoffsite.model.plan import Conflict, DatasetPlan, JobPlan, Refused, UpToDate
from zoffsite.model.report import DatasetOutcome, RunReport
from zoffsite.model.work import JobWork, Members, Work

PRUNE = "prune"


def prune_job(settings: Settings, job: Job, only: Collection[str], *, unattended: bool = False) -> RunReport:
    """Apply the retention here and now, as a run: its report is saved, and told where it must be."""
    what = Occasion(
        run=run_name(f"{job.name}-{PRUNE}"),
        how=f"zoffsite {PRUNE}",
        verb=PRUNE,
        whole=not only,
        unattended=unattended,
    )
    with Connections() as hosts:
        return run_job(settings, job, what, hosts, lambda now: _steps(job, hosts, only, now))


def prune_plan(job: Job, hosts: Connections, only: Collection[str], now: datetime) -> JobPlan:
    """What such a run would do now; its sends are what a backup would do first. Changes nothing."""
    return find_common_base(job, hosts, look_at_source(job, hosts, now, only), now).plan


def _steps(job: Job, hosts: Connections, only: Collection[str], now: datetime) -> Iterator[Known]:
    facts = with_retries(lambda _: look_at_source(job, hosts, now, only), job.retries)
    todo = with_retries(lambda _: find_common_base(job, hosts, facts, now), job.retries)
    yield Members.of(todo)
    yield from todo.plan.notices
    if todo.room is not None:
        yield todo.room
    take_note(job, todo.datasets)
    known, rest = to_prune(job, todo)
    yield from known
    verbs = direct_verbs(hosts, log_progress(), now)
    yield from (replicate(job, work, verbs) for work in rest)


def to_prune(job: Job, todo: JobWork) -> tuple[list[DatasetOutcome | Notice], list[Work]]:
    """What is known from the plan alone, and the datasets with something to prune.

    A dataset whose newest snapshot the box lacks is left alone: its backup comes first, and prunes it as well.
    """
    behind = [_left_alone(job, work) for work in todo.datasets if not _has_all(work.plan)]
    there = tuple(work for work in todo.datasets if _has_all(work.plan))
    known, rest = split(job, replace(todo, datasets=there))
    return [*known, *behind], rest


def _has_all(plan: DatasetPlan) -> bool:
    """Whether a backup would send nothing; what is wrong with a dataset is said by its plan."""
    return isinstance(plan, Conflict | Refused) or (isinstance(plan, UpToDate) and plan.stale_token is None)


def _left_alone(job: Job, work: Work) -> Notice:
    return Notice(
        code="behind",
        subject=work.plan.source,
        message=f"not pruned, because {job.box.place} does not have its newest snapshot yet",
        remedy=f"zoffsite backup --job {job.name}",
    )
