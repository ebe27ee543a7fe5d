"""`zoffsite backup`: through Prefect when its API is configured and answers, else directly; the same run either way."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum
from types import FrameType
from typing import TYPE_CHECKING

from zoffsite.cli.context import console, job_of, print_json
from zoffsite.model.errors import ExitCode, RunInterruptedError, ZoffsiteError

if TYPE_CHECKING:
    from zoffsite.config.settings import Settings
    from zoffsite.model.job import Job
    from zoffsite.model.report import RunReport


class Driver(Enum):
    """Who runs the steps."""

    DIRECT = "direct"
    PREFECT = "prefect"
    WHICHEVER = "whichever"


def run_backup(name: str | None, only: Sequence[str], driver: Driver, *, wait: bool, as_json: bool) -> ExitCode:
    """Run one job and print its report; the exit code that goes with it."""
    from zoffsite.cli.report import draw_report
    from zoffsite.config.loading import load
    from zoffsite.views.json import report_json

    settings = load()
    job = job_of(settings, name)
    with stopping_on_signals():
        report = _driven(settings, job, only, driver, wait=wait)
    if as_json:
        print_json(report_json(report))
    else:
        draw_report(console(), report)
    return report.exit_code


def _driven(settings: Settings, job: Job, only: Sequence[str], driver: Driver, *, wait: bool) -> RunReport:
    """Through Prefect if that can be; else says why not, so that nobody looks for the run in the UI in vain."""
    if driver is not Driver.DIRECT:
        from zoffsite.cli.prefect_api import NoPrefectError, require_api

        try:
            require_api()
            return _by_prefect(settings, job, only, wait=wait)
        except NoPrefectError as error:
            if driver is Driver.PREFECT:
                raise
            console(stderr=True).print(f"Running directly: {error.problem}.", markup=False)
    return _directly(settings, job, only, wait=wait)


def _directly(settings: Settings, job: Job, only: Sequence[str], *, wait: bool) -> RunReport:
    from zoffsite.actions.backup import backup
    from zoffsite.cli.progress import shown_progress

    with shown_progress() as progress:
        return backup(settings, job, only, progress, unattended=wait)


def _by_prefect(settings: Settings, job: Job, only: Sequence[str], *, wait: bool) -> RunReport:
    """The run as a flow in this process; NoPrefectError where Prefect ended before the run began."""
    from zoffsite.state import last_report

    began = datetime.now(UTC)
    try:
        from flows.backup import run_here

        with _task_runs_unsaid():
            return run_here(job, only, wait=wait)
    except ZoffsiteError:
        raise
    except BaseException as error:  # the run was ended by a signal, or Prefect's server is gone or refuses
        report = last_report(job.name, settings.state_dir)
        if report is None or report.started < began:  # whatever begins is reported before Prefect hears of its end
            raise _not_begun(job, error) from error
        if report.error_exit is not ExitCode.INTERRUPTED:
            console(stderr=True).print(f"Prefect could not be told how the run ended ({type(error).__name__}).")
        return report


def _not_begun(job: Job, error: BaseException) -> ZoffsiteError:
    from zoffsite.cli.prefect_api import takes_no_run
    from zoffsite.hosts.transfers import transfers

    if isinstance(error, Exception) and not transfers.stopping:
        return takes_no_run(error)
    return RunInterruptedError(
        "run",
        f"job {job.name}",
        "it was asked to stop before it began",
        f"run it again: zoffsite backup --job {job.name}",
        code="interrupted",
    )


@contextmanager
def _task_runs_unsaid() -> Iterator[None]:
    """Keep Prefect's "Finished in state Completed()" of every task off the terminal; its UI has them all."""

    def matters(record: logging.LogRecord) -> bool:
        return record.levelno > logging.INFO or not record.name.startswith("prefect.task_runs")

    handlers = tuple(logging.getLogger().handlers)
    for handler in handlers:
        handler.addFilter(matters)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(matters)


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM end both processes of every transfer, and the run is reported; a second Ctrl-C kills."""
    from zoffsite.hosts.transfers import transfers

    def stop(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        transfers.stop_all()

    transfers.reset()  # here, for a signal that comes from now on is meant for this run
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
