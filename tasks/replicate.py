"""Task: the whole chain of one dataset, mapped over the datasets of a run."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from prefect import task
from prefect.states import Completed, Failed

from tasks.options import FRESH, call
from tasks.prune import prune
from tasks.send import send
from tasks.verify import verify
from zoffsite.actions.chain import Verbs
from zoffsite.actions.chain import replicate as run_chain
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.version import Snapshot
from zoffsite.model.work import Pruned, Sent, Work


@task(task_run_name="{work.plan.source}", **FRESH)
def replicate(job: Job, work: Work, now: datetime) -> Any:
    """send → verify → prune, each a task run of its own; returns the DatasetOutcome, in a Failed state if it is one."""
    outcome = run_chain(job, work, _as_tasks(now))
    if outcome.error is None:
        return Completed(message=f"{outcome.state.value}, verified on the box", data=outcome)
    return Failed(message=outcome.error.message, data=outcome)


def _as_tasks(now: datetime) -> Verbs:
    def send_task(job: Job, work: Work) -> Sent:
        return cast(Sent, call(send, job.retries, job, work))

    def verify_task(job: Job, replica: str, newest: Snapshot) -> DatasetState:
        return cast(DatasetState, call(verify, job.retries, job, replica, newest))

    def prune_task(job: Job, source: DatasetState, replica: DatasetState, newest: Snapshot) -> Pruned:
        return cast(Pruned, call(prune, job.retries, job, source, replica, newest, now))

    return Verbs(send=send_task, verify=verify_task, prune=prune_task)
