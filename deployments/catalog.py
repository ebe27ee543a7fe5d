"""Every job of zoffsite.toml as deployments: `backup/JOB`, `verify/JOB`, `prune/JOB`, `prove/JOB`, `drill/JOB`,
`doctor/JOB`.

A run that is due while another of its deployment goes on waits for the end of that one, and then finds out whether it
still has anything to do (`planning/lateness.py`). A limit that cancelled it instead would, after a power cut in the
middle of a run, cancel all that was missed. The real guard against two runs at once is the job's flock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

from flows.backup import backup
from flows.doctor import doctor
from flows.drill import drill
from flows.prove import prove
from flows.prune import prune
from flows.run import run_tags
from flows.verify import verify
from zoffsite.config.settings import Settings
from zoffsite.deploy.units import DOCTOR, UNITS, timer_of

FLOWS: Mapping[str, Flow[..., Any]] = {
    "backup": backup,
    "verify": verify,
    "prune": prune,
    "prove": prove,
    "drill": drill,
    "doctor": doctor,
}
WHAT = {
    "backup": "Off-site backup of job {job}: snapshot, raw send, verify, prune.",
    "verify": "A look at every replica of job {job}: is it what it must be, and as young?",
    "prune": "The retention of job {job}, applied without a backup. Try it with a dry run.",
    "prove": "Does the box still hold every byte of job {job}? Both sides digest what is due, without a key.",
    "drill": "Does job {job} come back? The dataset whose turn it is, restored and compared, then cleared away.",
    "doctor": "An examination of the box of job {job}, of this machine, and of the way between them. Changes nothing.",
}
ONE_AT_A_TIME = ConcurrencyLimitConfig(
    limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE, grace_period_seconds=1800
)
"""What takes longer to start loses its place to the next run: Prefect's five minutes are short for a small board."""


def deployments_of(settings: Settings, pool: str | None = None) -> Iterator[RunnerDeployment]:
    """All of them. In a work `pool`, which is one machine's, their names begin with its name: others have jobs, too."""
    for job in settings.job_names:
        for verb in FLOWS:
            yield _deployment(settings, verb, job, pool)


def _deployment(settings: Settings, verb: str, job: str, pool: str | None) -> RunnerDeployment:
    schedule = None if _by_timer(job, verb) else settings.schedule(job, verb)
    deployment = FLOWS[verb].to_deployment(
        name=f"{pool}-{job}" if pool else job,
        parameters={"job": job},
        schedule=Cron(schedule.cron, timezone=schedule.timezone) if schedule else None,
        concurrency_limit=ONE_AT_A_TIME,
        tags=[*run_tags(job, verb), *([pool] if pool else [])],
        description=WHAT[verb].format(job=job),
        entrypoint_type=EntrypointType.MODULE_PATH,
        work_pool_name=pool,
    )
    assert isinstance(deployment, RunnerDeployment)  # noqa: S101 - not in an async context
    deployment._parameter_openapi_schema.properties["job"]["enum"] = list(settings.job_names)  # the form's choice
    return deployment


def _by_timer(job: str, verb: str) -> bool:
    """Whether `zoffsite deploy` has made a timer for the doctor, which sees more than what is served: one is enough."""
    return verb == DOCTOR and Path(UNITS, timer_of(job, verb)).exists()
