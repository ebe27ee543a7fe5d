"""One run of a job, whoever drives it: lock, steps, report, alerts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from zoffsite.actions.conclude import conclude, make_report
from zoffsite.actions.disk import target_at_hand
from zoffsite.actions.retrying import patiently
from zoffsite.actions.switch import say_ended, say_started
from zoffsite.config.settings import Settings
from zoffsite.history import remember_run
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.transfers import transfers
from zoffsite.listings import forget_listings
from zoffsite.live import Board, on_board
from zoffsite.lock import JobLock
from zoffsite.logtail import log_tail
from zoffsite.model.errors import RunInterruptedError, ZoffsiteError
from zoffsite.model.history import PastRun
from zoffsite.model.job import Job
from zoffsite.model.notice import Notice
from zoffsite.model.report import DatasetOutcome, RunReport
from zoffsite.model.work import Members, Room
from zoffsite.planning.wording import worded_notice, worded_outcome
from zoffsite.unburied import bury_all, keep_unburied
from zoffsite.views.words import report_words

log = logging.getLogger(__name__)

BACKUP = "backup"
Known = DatasetOutcome | Notice | Room | Members
Steps = Callable[[datetime], Iterable[Known]]
"""Given the time of the run, does the work and yields each dataset's outcome, and each notice, as it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What is run: `run` is its name, `how` who started it, for whoever finds the lock held; `whole`: all datasets.

    `unattended`: nobody is there to see that it cannot begin, and to try again. `still_due` is asked before it begins,
    and raises where another run has done its work. `ident` is what its driver knows the run by; `bury` is told that of
    each run that was killed, and says whether the driver knows now. Without a driver nobody does: the next one is told.
    """

    run: str
    how: str
    verb: str = BACKUP
    whole: bool = True
    ident: str = ""
    unattended: bool = False
    still_due: Callable[[], object] = lambda: None
    bury: Callable[[str], bool] | None = None


def run_name(job: str) -> str:
    """The name of a run that starts now: `home-20261123T021500Z`, in the report, the alerts and the UI."""
    return f"{job}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"


def run_job(settings: Settings, job: Job, what: Occasion, hosts: Connections, steps: Steps) -> RunReport:
    """Run `steps` under the job's lock and return the report, saved and sent out.

    Where the target is a disk that is away, and may be, nothing is run, and the last report stays the last one.

    Where the lock is held, LockHeldError; but an unattended run waits for it, and what keeps it from beginning is its
    report, told like any other. What else goes wrong is in the report; an exception that is not ours (a cancelled
    Prefect run) ends all transfers, is reported as an interruption, and goes on.
    """
    run = _Run(settings, job, what)
    with log_tail() as run.tail:
        if not what.unattended:
            return _under_lock(run, hosts, steps)
        try:
            return patiently(lambda: _under_lock(run, hosts, steps))
        except ZoffsiteError as error:
            return run.failed(error)
        except BaseException as error:
            if not (run.begun or isinstance(error, Exception)):  # it was ended from outside while it waited
                run.concluded(_interruption(job, error))
            raise


def _under_lock(run: _Run, hosts: Connections, steps: Steps) -> RunReport:
    settings, job, what = run.settings, run.job, run.what
    what.still_due()
    with JobLock(job.name, what.how, settings.state_dir, what.ident) as lock, run.shown() as board:
        try:
            run.find_killed(lock.left_by, lock.left_ident)
            run.begin()
            with target_at_hand(job, hosts, settings.state_dir, run.started, run.note) as there:
                for known in steps(run.started) if there else ():  # one by one: it survives an interruption
                    run.take(known)
                    if isinstance(known, DatasetOutcome):
                        board.one_done()
            transfers.check("back up", f"job {job.name}")
        except ZoffsiteError as error:
            return run.failed(error)
        except BaseException as error:
            transfers.stop_all()
            run.concluded(_interruption(job, error))
            raise
        return run.concluded(None) if there else run.idle()


@dataclass(slots=True)
class _Run:
    """What is known so far."""

    settings: Settings
    job: Job
    what: Occasion
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    outcomes: list[DatasetOutcome] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    room: Room | None = None
    members: Members | None = None

    tail: Iterable[str] = ()
    begun: bool = False
    began: Callable[[], tuple[Notice, ...]] = tuple

    def begin(self) -> None:
        if self.what.verb == BACKUP and self.what.whole:
            self.began = say_started(self.settings, self.job)

    def shown(self) -> AbstractContextManager[Board]:
        """It has the lock, and begins. Whoever looks from another process sees how far it is."""
        self.begun, self.started = True, datetime.now(UTC)
        return on_board(self.job.name, self.what.run, self.started, self.settings.state_dir, self.what.verb)

    def idle(self) -> RunReport:
        """The target is a disk that is away, and may be: the last report stays the last one."""
        report = make_report(self.job, self.what.run, self.started, (), self.notices)
        if self.what.verb == BACKUP and self.what.whole:
            self.began()
            say_ended(self.settings, self.job, report)
        return report

    def take(self, known: Known) -> None:
        if isinstance(known, Notice):
            self.note(worded_notice(self.job, known))
        elif isinstance(known, Room):
            self.room = known
        elif isinstance(known, Members):
            self.members = known
        else:
            self.outcomes.append(worded_outcome(self.job, known))

    def find_killed(self, how: str, ident: str) -> None:
        """What was killed can tell nobody itself: people are told of the last one, the driver of all."""
        if how:
            forget_listings(self.job)  # what it held does not show in them
            self.note(_killed(self.job, how))
            if ident:
                keep_unburied(ident, self.settings.state_dir)
        bury = self.what.bury
        if bury is not None:  # a driver may run again what was killed, as the run that it was
            bury_all(self.settings.state_dir, lambda each: each == self.what.ident or bury(each))

    def note(self, notice: Notice) -> None:
        log.warning("%s: %s", notice.subject, notice.message)
        self.notices.append(notice)

    def failed(self, error: ZoffsiteError) -> RunReport:
        log.error("%s; %s", error, error.remedy)
        return self.concluded(error)

    def concluded(self, error: ZoffsiteError | None) -> RunReport:
        report = make_report(self.job, self.what.run, self.started, self.outcomes, self.notices, error)
        if self.what.verb != BACKUP:  # told and remembered on its own: its success is no recovery of the backup's
            report = replace(report, job=f"{self.job.name}.{self.what.verb}")
        whole, members = self.what.whole, self.members
        report = conclude(self.settings, self.job, report, self.tail, whole=whole, members=members, began=self.began)
        remember_run(self.job.name, self._past(report), self.settings.state_dir)
        return report

    def _past(self, report: RunReport) -> PastRun:
        return PastRun(
            verb=self.what.verb,
            run=self.what.run,
            how=self.what.how,
            started=self.started,
            seconds=report.seconds,
            state=report.state,
            bytes=sum(outcome.bytes for outcome in report.datasets),
            whole=self.what.whole,
            words=report_words(report),
            free=self.room.free if self.room else None,
            used=self.room.used if self.room else None,
        )


def _killed(job: Job, how: str) -> Notice:
    return Notice(
        code="run-killed",
        subject=f"job {job.name}",
        message=f"{how} ended without a report: it was killed, or the machine went down",
        remedy="nothing was lost, and this run goes on from there; if it happens again: journalctl --since yesterday",
        alert=True,
    )


def _interruption(job: Job, error: BaseException) -> RunInterruptedError:
    return RunInterruptedError(
        "back up",
        f"job {job.name}",
        f"the run was ended from outside ({type(error).__name__})",
        f"run it again: zoffsite backup --job {job.name}; what has already arrived is kept",
        code="interrupted",
    )
