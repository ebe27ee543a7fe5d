"""The run that only looks: every replica against what it must be, and against its objective."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from zoffsite.actions.retrying import with_retries
from zoffsite.actions.run import Known, Occasion, run_job, run_name
from zoffsite.actions.status import status
from zoffsite.config.settings import Settings
from zoffsite.hosts.connections import Connections
from zoffsite.model.job import Job
from zoffsite.model.notice import Notice
from zoffsite.model.report import DatasetOutcome, DatasetResult, ErrorReport, RunReport
from zoffsite.model.status import Freshness, JobStatus, ReplicaStatus
from zoffsite.views.words import duration_words

VERIFY = "verify"


def verify_job(settings: Settings, job: Job) -> RunReport:
    """Look at all replicas of the job here and now, as a run: its report is saved, and told where it must be."""
    run = run_name(f"{job.name}-{VERIFY}")
    what = Occasion(run=run, how=f"zoffsite {VERIFY}", verb=VERIFY, unattended=True)
    with Connections() as hosts:

        def steps(now: datetime) -> Iterator[Known]:
            yield from checked(job, with_retries(lambda _: status(job, hosts, now), job.retries))

        return run_job(settings, job, what, hosts, steps)


def checked(job: Job, found: JobStatus, only: Collection[str] = ()) -> Iterator[DatasetOutcome | Notice]:
    """What a look at the replicas came to: an outcome of each, and a notice of each that is too old."""
    for replica in found.replicas:
        if only and replica.source not in only:
            continue
        yield _outcome(job, replica)
        if replica.freshness is Freshness.CRITICAL and replica.newest is not None:
            yield _stale(job, replica, found)


def _outcome(job: Job, replica: ReplicaStatus) -> DatasetOutcome:
    error = replica.error or (None if replica.newest else _nothing_there(job, replica))
    return DatasetOutcome(
        source=replica.source,
        replica=replica.replica,
        state=DatasetResult.UP_TO_DATE if error is None else DatasetResult.FAILED,
        snapshot=replica.newest,
        guid=replica.guid,
        verified=error is None,
        error=error,
    )


def _nothing_there(job: Job, replica: ReplicaStatus) -> ErrorReport:
    return ErrorReport(
        code="nothing-there",
        message=f"verify {replica.source}: {job.box.place} holds nothing of it yet",
        remedy=f"zoffsite backup --job {job.name}",
        transient=False,
    )


def _stale(job: Job, replica: ReplicaStatus, found: JobStatus) -> Notice:
    age = duration_words(found.when - replica.as_of) if replica.as_of else "unknown"
    return Notice(
        code="stale",
        subject=replica.source,
        message=f"its data on {job.box.place} is {age} old; the objective is {duration_words(replica.objective)}",
        remedy=f"zoffsite backup --job {job.name}",
        alert=True,
    )
