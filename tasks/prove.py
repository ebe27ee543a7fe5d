"""Tasks: choose what to prove, and prove the streams of one dataset."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import task
from prefect.states import Completed, Failed

from tasks.options import FRESH, as_state
from tasks.progress import shown_progress
from zoffsite.actions.prove import Scope, plan_proofs, prove_streams
from zoffsite.hosts.connections import shared
from zoffsite.model.job import Job
from zoffsite.model.proof import ProofPlan, Provable


@task(task_run_name="choose what to prove", **FRESH)
def choose_proofs(job: Job, only: tuple[str, ...], now: datetime) -> Any:
    """One listing of each side; returns ProofPlan."""
    return as_state(lambda _: plan_proofs(job, Scope.of(job, only), shared(), now), job.retries, _words)


@task(task_run_name="prove {dataset}", **FRESH)
def prove_dataset(job: Job, dataset: str, streams: list[Provable]) -> Any:
    """Both sides digest these streams, with progress as an artifact; returns a ProofOutcome of each.

    In a Failed state if any is not proved.
    """
    with shown_progress("prove", dataset) as progress:
        outcomes = prove_streams(job, streams, shared(), shown_as=dataset, progress=progress)
    error = next((outcome.error for outcome in outcomes if outcome.error), None)
    if error is None:
        return Completed(message=f"{dataset}: {len(outcomes)} streams proved", data=outcomes)
    return Failed(message=error.message, data=outcomes)


def _words(plan: ProofPlan) -> str:
    return f"{len(plan.chosen)} streams to prove, {plan.later} later, {plan.fresh} proved lately"
