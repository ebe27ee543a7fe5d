"""What a run did. Every other view (JSON, tables, UI artifacts, messages) is drawn from these values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from zoffsite.model.errors import ExitCode, ZoffsiteError
from zoffsite.model.notice import Notice


class DatasetResult(StrEnum):
    """How a run ended for one dataset."""

    SENT = "sent"
    UP_TO_DATE = "up-to-date"
    FAILED = "failed"
    REFUSED = "refused"
    CONFLICT = "conflict"

    @property
    def good(self) -> bool:
        """True when the box now has what it should."""
        return self in (DatasetResult.SENT, DatasetResult.UP_TO_DATE)


class RunState(StrEnum):
    """How a whole run ended: all datasets good, some, or none."""

    OK = "ok"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReport:
    """An error as a value: what a report keeps of a ZoffsiteError."""

    code: str
    message: str
    remedy: str
    transient: bool

    @classmethod
    def of(cls, error: ZoffsiteError) -> ErrorReport:
        """The value that stands for `error`."""
        return cls(code=error.code, message=str(error), remedy=error.remedy, transient=error.transient)

    def alarm(self, subject: str) -> Notice:
        """The same as an alarm about `subject`, which stands until a person ends it."""
        return Notice(code=self.code, subject=subject, message=self.message, remedy=self.remedy, alert=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetOutcome:
    """One dataset's part of a run. `bytes` crossed the wire in `seconds`, all attempts together, however they ended."""

    source: str
    replica: str
    state: DatasetResult
    bytes: int = 0
    seconds: float = 0.0
    snapshot: str | None = None
    guid: int | None = None
    verified: bool = False
    pruned_source: int = 0
    pruned_box: int = 0
    error: ErrorReport | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """One run of one job. `started` is UTC. `error` is what stopped the run as a whole, if anything did.

    `place` is where the replicas are, in words. A run without datasets had nothing to run for: a notice says why.
    """

    job: str
    run: str
    started: datetime
    seconds: float
    datasets: tuple[DatasetOutcome, ...]
    error: ErrorReport | None = None
    error_exit: ExitCode | None = None
    notices: tuple[Notice, ...] = ()
    place: str = "the box"

    @property
    def of_job(self) -> str:
        """The job's own name: runs that are no backup are remembered as `home.verify`."""
        return self.job.partition(".")[0]

    @property
    def verb(self) -> str:
        """What was run: "backup", or the verb behind the dot of `job`."""
        return self.job.partition(".")[2] or "backup"

    @property
    def state(self) -> RunState:
        """ok, partial or failed."""
        good = sum(outcome.state.good for outcome in self.datasets)
        if self.error is None and good == len(self.datasets):
            return RunState.OK
        return RunState.PARTIAL if good else RunState.FAILED

    @property
    def all_notices(self) -> tuple[Notice, ...]:
        """Those of the run and those of its datasets."""
        return (*self.notices, *(notice for outcome in self.datasets for notice in outcome.notices))

    @property
    def exit_code(self) -> ExitCode:
        """What the command that made this report exits with. A refusal outranks a failure: it needs a person."""
        if self.error_exit is not None:
            return self.error_exit
        if self.state is RunState.OK:
            return ExitCode.OK
        if any(outcome.state is DatasetResult.REFUSED for outcome in self.datasets):
            return ExitCode.REFUSED
        return ExitCode.SOME_FAILED
