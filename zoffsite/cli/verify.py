"""`zoffsite verify`: is every replica what it must be?"""

from __future__ import annotations

from datetime import UTC, datetime

from rich.padding import Padding
from rich.text import Text

from zoffsite.actions.check import verify_job
from zoffsite.actions.disk import target_needed
from zoffsite.actions.status import status
from zoffsite.cli.backup import stopping_on_signals
from zoffsite.cli.context import console, jobs_of, print_json
from zoffsite.cli.report import draw_report
from zoffsite.config.loading import load
from zoffsite.config.settings import Settings
from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import ExitCode
from zoffsite.model.job import Job
from zoffsite.model.status import JobStatus, ReplicaStatus
from zoffsite.views.json import report_json, status_json


def run_verify(name: str | None, *, as_json: bool) -> ExitCode:
    """Verify the replicas of one job, or of all."""
    settings = load()
    asked = jobs_of(settings, name)
    with Connections() as hosts:
        jobs = [_look(settings, job, hosts) for job in asked]
    if as_json:
        print_json([status_json(each) for each in jobs])
    else:
        for job, each in zip(asked, jobs, strict=True):
            _draw(each, job.box.place)
    bad = any(not verified(replica) for each in jobs for replica in each.replicas)
    return ExitCode.SOME_FAILED if bad else ExitCode.OK


def verify_and_tell(name: str | None, *, as_json: bool) -> ExitCode:
    """The same as runs: with reports that are saved, and alerts where something is wrong."""
    settings = load()
    with stopping_on_signals():
        reports = [verify_job(settings, job) for job in jobs_of(settings, name)]
    if as_json:
        print_json([report_json(each) for each in reports])
    else:
        for each in reports:
            draw_report(console(), each)
    return max((each.exit_code for each in reports), default=ExitCode.OK)


def _look(settings: Settings, job: Job, hosts: Connections) -> JobStatus:
    now = datetime.now(UTC)
    with target_needed(job, hosts, settings.state_dir, now):
        return status(job, hosts, now)


def verified(replica: ReplicaStatus) -> bool:
    """True when the box holds something, and it is what it must be."""
    return replica.error is None and replica.newest is not None


def _draw(job: JobStatus, place: str) -> None:
    out = console()
    for replica in job.replicas:
        good = verified(replica)
        mark = Text("verified  ", "green") if good else Text("NOT GOOD  ", "bold red")
        out.print(Text.assemble(mark, (replica.source, "bold"), f" @{replica.newest}" if replica.newest else ""))
        if replica.error is not None:
            out.print(Padding(Text(replica.error.message), (0, 0, 0, 10)))
            out.print(Padding(Text(f"Next: {replica.error.remedy}"), (0, 0, 0, 10)))
        elif not good:
            out.print(Padding(Text(f"nothing on {place} yet. Next: zoffsite backup --job {job.job}"), (0, 0, 0, 10)))
    count = sum(verified(replica) for replica in job.replicas)
    out.print(f"{job.job}: {count} of {len(job.replicas)} replicas verified on {place}")
