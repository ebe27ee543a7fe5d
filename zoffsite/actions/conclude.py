"""The end of every run: the report is on disk and the alerts are out before Prefect, or anyone else, is told."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from zoffsite.actions.memory import remember_told
from zoffsite.config.settings import Settings
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.job import Job
from zoffsite.model.notice import Notice
from zoffsite.model.report import DatasetOutcome, ErrorReport, RunReport
from zoffsite.notify import notify
from zoffsite.state import failing_since, last_report, save_report

log = logging.getLogger(__name__)


def make_report(
    job: Job,
    run: str,
    started: datetime,
    outcomes: Sequence[DatasetOutcome],
    notices: Sequence[Notice] = (),
    error: ZoffsiteError | None = None,
) -> RunReport:
    """The report of a run that ends now; `error` is what stopped the run as a whole."""
    return RunReport(
        job=job.name,
        place=job.box.place,
        run=run,
        started=started,
        seconds=round((datetime.now(UTC) - started).total_seconds(), 3),
        datasets=tuple(sorted(outcomes, key=lambda outcome: outcome.source)),
        error=ErrorReport.of(error) if error else None,
        error_exit=error.exit_code if error else None,
        notices=tuple(notices),
    )


def conclude(settings: Settings, job: Job, report: RunReport) -> RunReport:
    """Save the report, then notify of a failure, of the recovery from one, of what somebody should look at.

    Nothing here can fail the run.
    """
    place = settings.state_dir
    previous, since = last_report(report.job, place), failing_since(report.job, place)
    save_report(report, place)
    result = notify(settings.notify_urls(report.job), report, previous, since=since)
    if result:
        remember_told(job, report)
    else:
        log.error("the notification could not be delivered: %s", result.reason)
    return report
