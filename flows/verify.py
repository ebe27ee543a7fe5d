"""Flow: look at all replicas of one job."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from prefect import flow

from flows.run import Verb, carry_out, new_name
from tasks.look import look_at_replicas
from tasks.options import call
from zoffsite.actions.check import VERIFY, checked
from zoffsite.actions.run import Known
from zoffsite.model.job import Job


@flow(name=VERIFY, flow_run_name=new_name(VERIFY), persist_result=False, validate_parameters=True)
def verify(job: str) -> Any:
    """Look at every replica of a job: is it what it must be, locked and untouched, and as young as it should be?

    Args:
        job: A job of zoffsite.toml.
    """
    return carry_out(_VERIFY, job, None)


def _steps(job: Job, only: tuple[str, ...], now: datetime) -> Iterator[Known]:
    yield from checked(job, call(look_at_replicas, job.retries, job, now), only)


_VERIFY = Verb(name=VERIFY, steps=_steps)
