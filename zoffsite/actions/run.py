"""One run of a job, whoever drives it: lock, steps, report, alerts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from zoffsite.actions.conclude import conclude, make_report
from zoffsite.actions.disk import target_at_hand
from zoffsite.config.settings import Settings
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.transfers import transfers
from zoffsite.lock import JobLock
from zoffsite.model.errors import RunInterruptedError, ZoffsiteError
from zoffsite.model.job import Job
from zoffsite.model.notice import Notice
from zoffsite.model.report import DatasetOutcome, RunReport
from zoffsite.planning.wording import worded_notice, worded_outcome

log = logging.getLogger(__name__)

Steps = Callable[[datetime], Iterable[DatasetOutcome | Notice]]
"""Given the time of the run, does the work and yields each dataset's outcome, and each notice, as it is known."""


def run_name(job: str) -> str:
    """The name of a run that starts now: `home-20261123T021500Z`, in the report, the alerts and the UI."""
    return f"{job}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"


def run_job(settings: Settings, job: Job, run: str, how: str, hosts: Connections, steps: Steps) -> RunReport:
    """Run `steps` under the job's lock and return the report, saved and sent out.

    Where the target is a disk that is away, and may be, nothing is run, and the last report stays the last one.

    `run` names the run; `how` says who started it, for whoever finds the lock held.
    Raises LockHeldError before anything was done. What else goes wrong is in the report; an exception that is not
    ours (a cancelled Prefect run) ends all transfers, is reported as an interruption, and goes on.
    """
    started = datetime.now(UTC)
    outcomes: list[DatasetOutcome] = []
    notices: list[Notice] = []

    def note(notice: Notice) -> None:
        log.warning("%s: %s", notice.subject, notice.message)
        notices.append(notice)

    def concluded(error: ZoffsiteError | None) -> RunReport:
        return conclude(settings, job, make_report(job, run, started, outcomes, notices, error))

    with JobLock(job.name, how, settings.state_dir):
        transfers.reset()
        try:
            with target_at_hand(job, hosts, settings.state_dir, started, note) as there:
                for known in steps(started) if there else ():  # one by one: what is known survives an interruption
                    if isinstance(known, Notice):
                        note(worded_notice(job, known))
                    else:
                        outcomes.append(worded_outcome(job, known))
            transfers.check("back up", f"job {job.name}")
        except ZoffsiteError as error:
            log.error("%s; %s", error, error.remedy)
            return concluded(error)
        except BaseException as error:
            transfers.stop_all()
            concluded(_interruption(job, error))
            raise
        return concluded(None) if there else make_report(job, run, started, (), notices)


def _interruption(job: Job, error: BaseException) -> RunInterruptedError:
    return RunInterruptedError(
        "back up",
        f"job {job.name}",
        f"the run was ended from outside ({type(error).__name__})",
        f"run it again: zoffsite backup --job {job.name}; what has already arrived is kept",
        code="interrupted",
    )
