"""Flow: have the box of one job prove that it still holds what was sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from prefect import flow

from flows.run import Verb, carry_out, new_name
from tasks.options import call, value_of
from tasks.prove import choose_proofs, prove_dataset
from zoffsite.actions.prove import PROVE, before_proofs, by_dataset, dataset_proved
from zoffsite.actions.run import Known
from zoffsite.model.job import Job


@flow(name=PROVE, flow_run_name=new_name(PROVE), persist_result=False, validate_parameters=True)
def prove(job: str, datasets: list[str] = []) -> Any:  # noqa: B006 - never changed; the form's default
    """Let both sides digest the same streams: does the box hold, now, every byte of what is due?

    Args:
        job: A job of zoffsite.toml.
        datasets: Only these datasets of the job, by their full names (tank/home). Leave it empty for all of them.
    """
    return carry_out(_PROVE, job, datasets)


def _steps(job: Job, only: tuple[str, ...], now: datetime) -> Iterator[Known]:
    """choose → for each dataset: prove its streams, one after the other, for both disks are busy with each."""
    plan = call(choose_proofs, job.retries, job, only, now)
    yield from before_proofs(job, plan)
    for dataset, streams in by_dataset(plan).items():
        yield from dataset_proved(dataset, value_of(prove_dataset(job, dataset, streams, return_state=True)))


_PROVE = Verb(name=PROVE, steps=_steps)
