"""Tasks: choose what to drill, and drill one dataset."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import task
from prefect.states import Completed, Failed

from tasks.options import FRESH, as_state
from zoffsite.actions.drill import clear_away, drill_one, plan_drill
from zoffsite.hosts.connections import shared
from zoffsite.model.drill import Drillable, DrillPlan
from zoffsite.model.job import Job


@task(task_run_name="choose what to drill", **FRESH)
def choose_drill(job: Job, only: tuple[str, ...], now: datetime) -> Any:
    """One listing of each side; clears away what a killed drill has left; returns DrillPlan."""

    def chosen(_attempt: int) -> DrillPlan:
        plan = plan_drill(job, only, shared(), now)
        clear_away(job, plan, shared())
        return plan

    return as_state(chosen, job.retries, _words)


@task(task_run_name="drill {dataset}", **FRESH)
def drill_dataset(job: Job, dataset: str, each: Drillable) -> Any:
    """Restore it into a scratch and compare it with the source; returns its DrillOutcome, Failed where it is not
    whole."""
    outcome = drill_one(job, each, shared())
    if outcome.error is None:
        return Completed(message=f"{dataset}: it came back whole", data=outcome)
    return Failed(message=outcome.error.message, data=outcome)


def _words(plan: DrillPlan) -> str:
    return f"{len(plan.chosen)} to drill, {plan.others} later"
