"""A job at a glance: both sides looked at, and what is remembered of its runs. Never raises for a side that is away."""

from __future__ import annotations

import logging
from datetime import datetime

from zoffsite.actions.evidence import confidence
from zoffsite.actions.memory import ledger_of
from zoffsite.actions.status import status_at_hand
from zoffsite.config.settings import Settings
from zoffsite.history import past_runs
from zoffsite.hosts.connections import Connections
from zoffsite.live import read_live
from zoffsite.model.errors import OperationError, ZoffsiteError
from zoffsite.model.job import Job
from zoffsite.model.memory import Increment
from zoffsite.model.overview import Capacity, LastRun, LiveRun, Overview
from zoffsite.model.report import ErrorReport
from zoffsite.model.status import JobStatus
from zoffsite.planning.capacity import WINDOW, daily_growth, days_left, filling, month_more
from zoffsite.planning.schedule import next_run
from zoffsite.state import last_report, last_success
from zoffsite.views.words import report_words

log = logging.getLogger(__name__)


def overview(settings: Settings, job: Job, hosts: Connections, now: datetime) -> Overview:
    """What there is to know of a job; `error` where one of the sides cannot be asked."""
    error: ZoffsiteError | None
    try:
        found, error = status_at_hand(job, hosts, settings.state_dir, now)
    except ZoffsiteError as problem:
        found, error = JobStatus(job=job.name, when=now, replicas=()), problem
    schedule = settings.schedule(job.name)
    return Overview(
        status=found,
        error=ErrorReport.of(error) if error else None,
        error_exit=int(error.exit_code) if error else 0,
        last_run=_last_run(settings, job),
        last_success=last_success(job.name, settings.state_dir),
        next_run=next_run(schedule.cron, schedule.timezone, now) if schedule else None,
        live=live_run(settings, job, now),
        capacity=_capacity(settings, job, found, now),
        confidence=confidence(job, found),
    )


def live_run(settings: Settings, job: Job, now: datetime) -> LiveRun | None:
    """The run of the job that is under way; contacts nobody."""
    return read_live(job.name, settings.state_dir, now)


def _last_run(settings: Settings, job: Job) -> LastRun | None:
    report = last_report(job.name, settings.state_dir)
    if report is None:
        return None
    return LastRun(
        run=report.run,
        started=report.started,
        seconds=report.seconds,
        state=report.state,
        words=report_words(report),
    )


def _capacity(settings: Settings, job: Job, found: JobStatus, now: datetime) -> Capacity:
    daily = daily_growth(_increments(job, now), now)
    free = found.room.free if found.room else None
    left = days_left(free, filling(past_runs(job.name, settings.state_dir), now), daily)
    return Capacity(free=free, daily=daily, days_left=left, month_more=month_more(daily))


def _increments(job: Job, now: datetime) -> tuple[Increment, ...]:
    try:
        return ledger_of(job).increments(now - WINDOW)
    except OperationError as error:
        log.warning("%s; how fast the box fills is not known", error)
        return ()
