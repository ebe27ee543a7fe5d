"""The end of every run: the report is on disk and the alerts are out before Prefect, or anyone else, is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from zoffsite.actions.memory import ask_ledger, remember_told, remember_verified
from zoffsite.actions.switch import say_ended
from zoffsite.actions.tell import tell
from zoffsite.config.settings import Settings
from zoffsite.ledger import Ledger
from zoffsite.model.alert import Reach
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.job import Job
from zoffsite.model.memory import StandingAlarm
from zoffsite.model.notice import Notice
from zoffsite.model.report import DatasetOutcome, ErrorReport, RunReport
from zoffsite.model.work import Members
from zoffsite.planning.telling import ALARMS
from zoffsite.state import failing_since, save_report


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


def conclude(
    settings: Settings,
    job: Job,
    report: RunReport,
    tail: Iterable[str] = (),
    *,
    whole: bool = True,
    members: Members | None = None,
    began: Callable[[], tuple[Notice, ...]] = tuple,
) -> RunReport:
    """Save the report, then tell of a failure, of the recovery from one, of what somebody should look at.

    Nothing here can fail the run. Returns the report, with a notice of whatever did not go out. `tail` is the end of
    the log; only backups have a dead man's switch, and `began` is what `say_started` returned. `whole`: the run was
    about all datasets of the job, `members` where it came only to those whose turn it was.
    """
    place = settings.state_dir
    since = failing_since(report.job, place)
    save_report(report, place, whole=whole)
    remember_verified(job, report)
    reach = Reach(whole=whole, members=members.datasets if members else None, alarmed=_alarmed(job, report.verb))
    told = tell(settings.receivers(job.name), report, since, place, datetime.now(UTC), reach)
    if told == report:
        remember_told(job, report)
    if report.job == job.name and whole:
        told = replace(told, notices=(*told.notices, *began(), *say_ended(settings, job, told, tail, since)))
    if told != report:
        save_report(told, place, whole=whole)
    return told


def _alarmed(job: Job, verb: str) -> frozenset[str]:
    """The datasets of which an alarm of this verb stands, as far as the ledger can be read."""
    code = ALARMS.get(verb)
    if code is None:
        return frozenset()
    nothing: Mapping[str, tuple[StandingAlarm, ...]] = {}
    standing = ask_ledger(job, Ledger.alarms, nothing)
    return frozenset(dataset for dataset, found in standing.items() if any(each.code == code for each in found))
