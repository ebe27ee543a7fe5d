"""Flow: apply the retention of one job, without a backup."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from prefect import flow

from flows.mapping import each_on_its_own
from flows.run import Verb, carry_out, new_name
from tasks.find_common_base import find_common_base
from tasks.look import look_at_source
from tasks.options import call
from zoffsite.actions.memory import take_note
from zoffsite.actions.run import Known
from zoffsite.actions.tidy import PRUNE, prune_plan, to_prune
from zoffsite.hosts.connections import shared
from zoffsite.model.job import Job
from zoffsite.model.plan import JobPlan
from zoffsite.model.work import Members


@flow(name=PRUNE, flow_run_name=new_name(PRUNE), persist_result=False, validate_parameters=True)
def prune(job: str, datasets: list[str] = [], dry_run: bool = False) -> Any:  # noqa: B006 - never changed; the form's default
    """Destroy what the retention no longer keeps, on both sides, of every dataset that the box has wholly.

    Args:
        job: A job of zoffsite.toml.
        datasets: Only these datasets of the job, by their full names (tank/home). Leave it empty for all of them.
        dry_run: Change nothing: only show, as an artifact, what the run would do and why.
    """
    return carry_out(_PRUNE, job, datasets, dry_run=dry_run)


def _steps(job: Job, only: tuple[str, ...], now: datetime) -> Iterator[Known]:
    """look at the source → find common base → for each dataset that is up to date: verify → prune."""
    facts = call(look_at_source, job.retries, job, now, only)
    todo = call(find_common_base, job.retries, job, facts, now)
    yield Members.of(todo)
    yield from todo.plan.notices
    if todo.room is not None:
        yield todo.room
    take_note(job, todo.datasets)
    known, rest = to_prune(job, todo)
    yield from known
    yield from each_on_its_own(job, rest, now)


def _plan(job: Job, only: tuple[str, ...], now: datetime) -> JobPlan:
    return prune_plan(job, shared(), only, now)


_PRUNE = Verb(name=PRUNE, steps=_steps, plan=_plan)
