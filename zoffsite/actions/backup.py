"""Run a job directly, without Prefect: the same steps in a thread pool of our own."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from zoffsite.actions.chain import Verbs, replicate, split
from zoffsite.actions.describe import describe
from zoffsite.actions.memory import take_note
from zoffsite.actions.plan import find_common_base
from zoffsite.actions.progress import Progress
from zoffsite.actions.prune import prune_and_remember
from zoffsite.actions.retrying import with_retries
from zoffsite.actions.run import Known, Occasion, run_job, run_name
from zoffsite.actions.send import send
from zoffsite.actions.snapshot import take_snapshots
from zoffsite.actions.verify import verify
from zoffsite.config.settings import Settings
from zoffsite.hosts.connections import Connections
from zoffsite.model.job import Job
from zoffsite.model.report import RunReport
from zoffsite.planning.clones import waves


def backup(
    settings: Settings, job: Job, only: Collection[str], progress: Progress, *, unattended: bool = False
) -> RunReport:
    """Snapshot, plan, send, verify and prune here and now. `only` narrows the job to these datasets."""
    run = run_name(job.name)
    with Connections() as hosts:

        def steps(now: datetime) -> Iterator[Known]:
            return _steps(job, hosts, only, progress, run, now)

        what = Occasion(run=run, how="zoffsite backup", whole=not only, unattended=unattended)
        return run_job(settings, job, what, hosts, steps)


def _steps(
    job: Job, hosts: Connections, only: Collection[str], progress: Progress, run: str, now: datetime
) -> Iterator[Known]:
    facts = with_retries(lambda _: take_snapshots(job, hosts, run, now, only), job.retries)
    yield from facts.notices
    yield from facts.left_out
    todo = with_retries(lambda _: find_common_base(job, hosts, facts, now, by_changes=True), job.retries)
    yield from todo.plan.notices
    if todo.room is not None:
        yield todo.room
    take_note(job, todo.datasets)
    describe(job, todo.datasets, hosts, now)
    known, rest = split(job, todo)
    yield from known
    verbs = direct_verbs(hosts, progress, now)
    with ThreadPoolExecutor(max_workers=job.parallel, thread_name_prefix="zoffsite") as pool:
        for wave in waves(rest):
            yield from pool.map(lambda work: replicate(job, work, verbs), wave)


def direct_verbs(hosts: Connections, progress: Progress, now: datetime) -> Verbs:
    """The chain's steps as plain calls, each with the job's retries."""
    return Verbs(
        send=lambda job, work: with_retries(lambda n: send(job, work, hosts, progress, attempt=n), job.retries),
        verify=lambda job, replica, newest: with_retries(lambda _: verify(job, replica, newest, hosts), job.retries),
        prune=lambda job, source, replica, newest: with_retries(
            lambda _: prune_and_remember(job, source, replica, newest, hosts, now), job.retries
        ),
    )
