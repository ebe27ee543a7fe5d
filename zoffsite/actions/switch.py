"""The dead man's switch of a job: it is told when a run starts and how it ends. Nothing here can fail the run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime

from zoffsite.config.settings import Settings
from zoffsite.model.job import Job
from zoffsite.model.notice import Notice
from zoffsite.model.report import RunReport, RunState
from zoffsite.ping import Signal, ping
from zoffsite.state import last_good
from zoffsite.views.messages import failure_message
from zoffsite.views.words import report_words

log = logging.getLogger(__name__)


def say_started(settings: Settings, job: Job) -> Callable[[], tuple[Notice, ...]]:
    """A run of the job begins, without waiting for the service. What this returns waits, and then gives the notices.

    It is to be called before the end is told: a start after the end would be that of another run.
    """
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="zoffsite-ping")
    said = pool.submit(copy_context().run, _said, settings, job, Signal.START, "")
    pool.shutdown(wait=False)
    return said.result


def say_ended(
    settings: Settings, job: Job, report: RunReport, tail: Iterable[str] = (), since: datetime | None = None
) -> tuple[Notice, ...]:
    """A run of the job has ended; a failure is told with its reasons and the end of the log.

    `since`: when the first of the failures in a row started, before this run.
    """
    if report.state is RunState.OK:
        return _said(settings, job, Signal.SUCCESS, report_words(report))
    message = failure_message(report, since, last_good(job.name, settings.state_dir))
    return _said(settings, job, Signal.FAILURE, "\n".join((message.title, "", message.body, "", *tail)))


def _said(settings: Settings, job: Job, signal: Signal, body: str) -> tuple[Notice, ...]:
    url = settings.ping_urls.get(job.name)
    fault = ping(url, signal, body) if url is not None else None
    if fault is None:
        return ()
    notice = Notice(
        code="ping-failed",
        subject="the dead man's switch",
        message=f"it could not be told that the run {'began' if signal is Signal.START else 'ended'}: {fault}",
        remedy="see whether its service answers; it sends its own alert when it hears of no run",
    )
    log.warning("%s: %s", notice.subject, notice.message)
    return (notice,)
