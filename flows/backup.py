"""Flow: one backup of one job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from prefect import flow, tags

from flows.mapping import each_on_its_own
from flows.run import RunFailedError, Verb, by_command, carry_out, new_name, run_tags, this_run
from tasks.find_common_base import find_common_base
from tasks.look import show_freshness_after
from tasks.naming import name_run
from tasks.options import call
from tasks.snapshot import snapshot
from zoffsite.actions.chain import split
from zoffsite.actions.describe import describe
from zoffsite.actions.memory import take_note
from zoffsite.actions.plan import preview
from zoffsite.actions.run import BACKUP, Known
from zoffsite.hosts.connections import shared
from zoffsite.model.job import Job
from zoffsite.model.plan import JobPlan
from zoffsite.model.report import RunReport
from zoffsite.views.titles import plan_title


@flow(name=BACKUP, flow_run_name=new_name(BACKUP), persist_result=False, validate_parameters=True)
def backup(job: str, datasets: list[str] = [], dry_run: bool = False) -> Any:  # noqa: B006 - never changed; the form's default
    """Back up a job's encrypted datasets: snapshot, common base, raw send, verify, prune; each dataset on its own.

    Args:
        job: A job of zoffsite.toml.
        datasets: Only these datasets of the job, by their full names (tank/home). Leave it empty for all of them.
        dry_run: Change nothing: only show, as an artifact, what the run would do and why.
    """
    return carry_out(_BACKUP, job, datasets, dry_run=dry_run)


def run_here(job: Job, only: Sequence[str], *, wait: bool) -> RunReport:
    """Run the flow in this process, with the tags that a deployment's runs have.

    Raises the ZoffsiteError for which nothing was run, or whatever ended Prefect's own part.
    """
    with tags(*run_tags(job.name)), by_command(unattended=wait):
        state: Any = backup(job.name, list(only), return_state=True)
    ended = state.result(raise_on_failure=False)
    if isinstance(ended, RunFailedError):
        return ended.report
    if isinstance(ended, BaseException):
        raise ended
    report: RunReport = ended
    return report


def _steps(job: Job, only: tuple[str, ...], now: datetime) -> Iterator[Known]:
    """snapshot → find common base → for each dataset, on its own: send → verify → prune."""
    run = this_run(job.name)
    facts = call(snapshot, job.retries, job, run, now, only)
    yield from facts.notices
    yield from facts.left_out
    todo = call(find_common_base, job.retries, job, facts, now)
    name_run(plan_title(todo.plan), run)
    yield from todo.plan.notices
    if todo.room is not None:
        yield todo.room
    take_note(job, todo.datasets)
    describe(job, todo.datasets, shared(), now)
    known, rest = split(job, todo)
    outcomes = list(known)
    yield from known
    for outcome in each_on_its_own(job, rest, now):
        outcomes.append(outcome)
        yield outcome
    if not only:  # else the table would be of a part of the job
        show_freshness_after(job, todo, outcomes, now)


def _plan(job: Job, only: tuple[str, ...], now: datetime) -> JobPlan:
    return preview(job, shared(), now, only)


_BACKUP = Verb(name=BACKUP, steps=_steps, plan=_plan)
