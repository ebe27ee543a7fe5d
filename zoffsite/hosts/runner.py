"""What every host can do: run a program to its end, or open one as an end of a transfer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

MIB = 1 << 20
TRUSTED_STDOUT = 256 * MIB
"""How much a source may answer, listings aside: those are not held in memory."""
BOX_STDOUT = 64 * MIB
"""How much the box may answer. It is partially trusted, and its answer is held in memory."""
BOX_KEPT = 192 * MIB
"""How much memory a listing of the box may take: 1,000 datasets with 2,000 snapshots each."""
STDERR = 64 << 10
"""How much any program may say on stderr."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a program ended. A negative `exit_code` means that a signal ended it. `stderr` is cleaned text."""

    exit_code: int
    stdout: str
    stderr: str


class Process(Protocol):
    """A running program: one end of a transfer. `kill` may be called from any thread, at any time, repeatedly.

    Whoever opened it calls `wait` in the end, also after `kill`: that is what lets go of its pipes.
    """

    def read(self, size: int) -> bytes:
        """At least 1 and at most `size` bytes of stdout; b"" at its end, and after `kill`. Blocks."""
        ...

    def write(self, data: memoryview) -> int:
        """Hand over some of `data` and say how many bytes. Blocks for the first. BrokenPipeError: nobody reads."""
        ...

    def close_stdin(self) -> None:
        """Say that nothing more will be written."""
        ...

    def wait(self, timeout: float) -> Completed:
        """How it ended, with stdout "" (that was for `read`). TimeoutError: it is still running.

        Raises TransferError "connection-lost" when the way to it broke, so that nobody knows how it ended.
        """
        ...

    def kill(self) -> None:
        """End it now: a blocked `read` or `write` returns at once."""
        ...


class Runner(Protocol):
    """A host that runs programs. Every argument reaches the program as it is; no shell interprets it."""

    @property
    def label(self) -> str:
        """How messages name this host."""
        ...

    def run(self, argv: Sequence[str], *, timeout: float = 300, undoing: bool = False) -> Completed:
        """Run to the end, with nothing on stdin. The exit code is the caller's to judge.

        `undoing`: it undoes what this run has done, so it is run although the run is being stopped.
        Raises OperationError: "timeout", "oversized-answer", "malformed-answer"; UnreachableError: no way to the host;
        RunInterruptedError: the run is being stopped.
        """
        ...

    def open(self, argv: Sequence[str]) -> Process:
        """Start a program as one end of a transfer."""
        ...

    def close(self) -> None:
        """Let go of the host. What still runs there is cut off."""
        ...
