"""The one tree of errors.

    ZoffsiteError
    ├── SettingsError      wrong settings or usage                      exit 2
    ├── UnreachableError   no way to the source or the box              exit 3
    ├── SafetyError        refused, because going on could do harm      exit 4
    ├── LockHeldError      another run of the job is under way          exit 5
    ├── RunInterruptedError cancelled or Ctrl-C                         exit 130
    └── OperationError     one operation failed, the others go on       exit 1
        ├── ConflictError  source and replica have diverged
        └── TransferError  a send or a receive broke off

Each says what was being done (`operation`), to what (`subject`), what happened (`problem`) and what to do next
(`remedy`). `transient` says whether trying again can help; retries read nothing else. `code` is stable, for machines.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """The documented exit codes of every command (docs/reference/exit-codes.md)."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    REFUSED = 4
    LOCKED = 5
    INTERRUPTED = 130


class ZoffsiteError(Exception):
    """Base of the tree; never raised itself."""

    exit_code: ClassVar[ExitCode] = ExitCode.SOME_FAILED

    def __init__(
        self,
        operation: str,
        subject: str,
        problem: str,
        remedy: str,
        *,
        code: str,
        transient: bool = False,
    ) -> None:
        super().__init__(operation, subject, problem, remedy)
        self.operation = operation
        self.subject = subject
        self.problem = problem
        self.remedy = remedy
        self.code = code
        self.transient = transient

    def __str__(self) -> str:
        return f"{self.operation} {self.subject}: {self.problem}"


class SettingsError(ZoffsiteError):
    """Settings or arguments are wrong; nothing was run."""

    exit_code = ExitCode.USAGE


class UnreachableError(ZoffsiteError):
    """A host could not be reached, or did not let us in."""

    exit_code = ExitCode.UNREACHABLE


class SafetyError(ZoffsiteError):
    """Going on could leak plaintext or harm a replica, so nothing was done."""

    exit_code = ExitCode.REFUSED


class LockHeldError(ZoffsiteError):
    """Another run of the same job holds its lock."""

    exit_code = ExitCode.LOCKED


class RunInterruptedError(ZoffsiteError):
    """The run was asked to stop: Ctrl-C, SIGTERM, or cancelled in the UI."""

    exit_code = ExitCode.INTERRUPTED


class OperationError(ZoffsiteError):
    """One operation on one dataset or host failed."""


class ConflictError(OperationError):
    """Source and replica have no way forward that destroys nothing."""


class TransferError(OperationError):
    """The bytes of one send did not all arrive."""
