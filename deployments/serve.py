"""Serve a deployment of every job: `python -m deployments.serve`, beside a running Prefect server.

Each job of zoffsite.toml is one deployment of the flow `backup`; one with a schedule runs by itself, the others by the
UI's Run button. A job's flock is the real guard against two runs at once; the limit here only saves the attempt.
"""

from __future__ import annotations

import os
import sys

from prefect import serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

from flows.backup import backup, run_tags
from zoffsite.config.loading import load
from zoffsite.config.places import CONFIG_VARIABLE
from zoffsite.config.settings import Settings
from zoffsite.model.errors import ZoffsiteError

ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)


def deployment_of(settings: Settings, job: str) -> RunnerDeployment:
    """The deployment of one job, with its cron schedule if it has one."""
    schedule = settings.schedule(job)
    deployment = backup.to_deployment(
        name=job,
        parameters={"job": job},
        schedule=Cron(schedule.cron, timezone=schedule.timezone) if schedule else None,
        concurrency_limit=ONE_AT_A_TIME,
        tags=run_tags(job),
        description=f"Off-site backup of job {job}: snapshot, raw send, verify, prune.",
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    assert isinstance(deployment, RunnerDeployment)  # noqa: S101 - not in an async context
    return deployment


def main() -> int:
    """Serve until stopped. Schedules stay active when we stop, so that the UI shows what was missed."""
    try:
        settings = load()
    except ZoffsiteError as error:
        print(f"{error}\nNext: {error.remedy}", file=sys.stderr)
        return error.exit_code
    os.environ[CONFIG_VARIABLE] = str(settings.file)  # each run is a process of its own, which must find the same
    serve(*(deployment_of(settings, job) for job in settings.job_names), pause_on_shutdown=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
