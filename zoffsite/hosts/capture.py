"""Output of programs, taken in with bounds: what a host says is hostile until it is measured and parsed."""

from __future__ import annotations

import threading
from collections.abc import Callable

from zoffsite.hosts.runner import Completed, Process
from zoffsite.hosts.transfers import Watch, transfers
from zoffsite.model.errors import OperationError

PIECE = 64 << 10
LAST_WORDS = 1.0
"""Seconds for an output to end after its program has; one that was passed on to a grandchild does not."""


class Collector(threading.Thread):
    """Reads one output of a program to its end, keeping at most `limit` bytes.

    It always reads on: a program whose output nobody takes would wait for ever. More than `limit` calls `overflow`
    (which ends the program), once.
    """

    def __init__(self, read: Callable[[int], bytes], limit: int, overflow: Callable[[], object]) -> None:
        super().__init__(name="zoffsite-collector", daemon=True)
        self._read = read
        self._limit = limit
        self._overflow = overflow
        self._kept = bytearray()
        self.oversized = False
        self.start()

    def run(self) -> None:
        """The thread: until the output ends or the program is killed."""
        while piece := self._read(PIECE):
            room = self._limit - len(self._kept)
            self._kept += piece[:room]
            if len(piece) > room and not self.oversized:
                self.oversized = True
                self._overflow()

    def bytes(self) -> bytes:
        """What was kept, once the program has ended."""
        self.join(LAST_WORDS)
        return bytes(self._kept)

    def text(self, subject: str) -> str:
        """What was kept, for people: safe to print on a terminal. OperationError "oversized-answer" if it was more."""
        kept = self.bytes()
        if self.oversized:
            raise oversized(subject, self._limit)
        return printable(kept.decode("utf-8", "replace"))


def printable(text: str) -> str:
    """`text` without the control characters that could drive a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text).strip()


def run_to_end(process: Process, subject: str, *, limit: int, timeout: float, undoing: bool = False) -> Completed:
    """Take all that `process` says, at most `limit` bytes and `timeout` seconds. See Runner.run for the errors."""
    with transfers.watch(undoing=undoing) as watch:
        watch.add(process)
        watch.expect_within(timeout)
        process.close_stdin()
        out = Collector(process.read, limit, process.kill)
        out.join()
        ended = end_of(process, subject, watch, timeout, undoing=undoing)
    if out.oversized:
        raise oversized(subject, limit)
    return Completed(exit_code=ended.exit_code, stdout=_decode(out.bytes(), subject), stderr=ended.stderr)


def end_of(process: Process, subject: str, watch: Watch, timeout: float, *, undoing: bool = False) -> Completed:
    """How `process` ended, once its output has. See Runner.run for the errors."""
    ended = _wait(process, timeout)
    watch.rest()
    if not undoing:
        transfers.check("run", subject)
    if watch.overdue or ended is None:
        raise OperationError(
            "run",
            subject,
            f"no answer within {timeout:g} seconds",
            "see whether that machine is overloaded or a pool is suspended: zpool status",
            code="timeout",
            transient=True,
        )
    return ended


def oversized(subject: str, limit: int) -> OperationError:
    """A program said more than any honest one."""
    return OperationError(
        "run",
        subject,
        f"it says more than {limit >> 10} KiB, so it was cut off",
        "run the same command there by hand and look at what it prints",
        code="oversized-answer",
    )


def _wait(process: Process, timeout: float) -> Completed | None:
    try:
        return process.wait(timeout)
    except TimeoutError:
        process.kill()
        return None


def _decode(answer: bytes, subject: str) -> str:
    try:
        return answer.decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_text(subject) from error


def not_text(subject: str) -> OperationError:
    """A program said what no text is."""
    return OperationError(
        "run",
        subject,
        "the answer is not UTF-8 text",
        "run the same command there by hand and look at what it prints",
        code="malformed-answer",
    )
