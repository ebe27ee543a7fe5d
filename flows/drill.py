"""Flow: rehearse a restore of one job, a dataset a run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from prefect import flow

from flows.run import Verb, carry_out, new_name
from tasks.drill import choose_drill, drill_dataset
from tasks.options import call, value_of
from zoffsite.actions.drill import drilled_outcome, not_drilled
from zoffsite.actions.run import Known
from zoffsite.model.drill import DRILL
from zoffsite.model.job import Job


@flow(name=DRILL, flow_run_name=new_name(DRILL), persist_result=False, validate_parameters=True)
def drill(job: str, datasets: list[str] = []) -> Any:  # noqa: B006 - never changed; the form's default
    """Does it come back? Restore a dataset into a scratch, and compare every byte with the source.

    Args:
        job: A job of zoffsite.toml.
        datasets: These datasets of the job, by their full names (tank/home). Leave it empty for the one whose turn it
            is, and the canary.
    """
    return carry_out(_DRILL, job, datasets)


def _steps(job: Job, only: tuple[str, ...], now: datetime) -> Iterator[Known]:
    """choose → for each dataset: drill it, one after the other, for there is one scratch."""
    plan = call(choose_drill, job.retries, job, only, now)
    yield from not_drilled(job, plan)
    for each in plan.chosen:
        yield from drilled_outcome(value_of(drill_dataset(job, each.dataset, each, return_state=True)))


_DRILL = Verb(name=DRILL, steps=_steps)
