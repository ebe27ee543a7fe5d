"""Ask both ends for the digest of the same stream, at the same time; where one fails, the other need not read on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from typing import Protocol

from zoffsite.hosts.capture import run_to_end
from zoffsite.hosts.endpoint import Box, Source
from zoffsite.hosts.runner import STDERR, Process
from zoffsite.hosts.telling import OnBytes, hear
from zoffsite.model.errors import OperationError
from zoffsite.model.plan import SendStep
from zoffsite.model.proof import Provable, StreamDigest
from zoffsite.stream.digest import PIECE
from zoffsite.views.words import duration_words
from zoffsite.zfs.digest import parse_digest, parse_told
from zoffsite.zfs.stderr import zfs_error

PATIENCE = 600.0
"""Seconds that an end may keep silent; a box, which says nothing before its answer, for what it is to read, too."""
SLOWEST = 1_000_000
"""Bytes per second that the slowest disk reads, small files in pieces all over it."""


class _End(Protocol):
    """One end that was asked."""

    @property
    def process(self) -> Process:
        """The digest program there."""
        ...

    def answer(self) -> StreamDigest:
        """What it says. Raises what zfs.stderr makes of its failure."""
        ...


@dataclass(frozen=True, slots=True)
class _SourceEnd:
    """It tells how far it is."""

    process: Process
    label: str
    step: SendStep
    rate: int | None
    on_bytes: OnBytes

    def answer(self) -> StreamDigest:
        stall = PATIENCE + (PIECE / self.rate if self.rate else 0.0)  # it speaks after a piece
        subject = self.step.to.full_name
        return hear(self.process, "prove", subject, self.label, parse=parse_told, stall=stall, on_bytes=self.on_bytes)


@dataclass(frozen=True, slots=True)
class _BoxEnd:
    """All that it says is the digest, in the end."""

    process: Process
    label: str
    step: SendStep
    rate: int | None

    def answer(self) -> StreamDigest:
        timeout = longest_silence(self.step.estimated_bytes, self.rate)
        try:
            done = run_to_end(self.process, f"the digest on {self.label}", limit=STDERR, timeout=timeout)
        except OperationError as error:
            if error.code != "timeout":
                raise
            raise _too_slow(self.label, timeout) from error
        if done.exit_code != 0:
            raise zfs_error("prove", self.step.to.full_name, done.exit_code, done.stderr, self.label)
        return parse_digest(done.stdout, self.label)


def longest_silence(size: int, rate: int | None) -> float:
    """Seconds that a box may take to read about `size` bytes, `rate` of them per second at most."""
    slowest = SLOWEST if rate is None else min(SLOWEST, max(rate // 2, 1))  # streams outgrow estimates
    return PATIENCE + size / slowest


def ask_both(
    source: Source, box: Box, each: Provable, nonce: bytes, rate: int | None, on_bytes: OnBytes
) -> tuple[StreamDigest, StreamDigest]:
    """What the source and what the box say; each reads `rate` bytes per second at most.

    `on_bytes` hears how many the source has read; it is called from another thread, in the context of who asked.
    Raises what zfs.stderr makes of the end that failed first.
    """
    ends: list[_End] = []
    with _killed_after(ends):
        ends.append(_of_source(source, each.ours, nonce, rate, on_bytes))
        ends.append(_of_box(box, each.theirs, nonce, rate))
        with ThreadPoolExecutor(max_workers=2, thread_name_prefix="zoffsite") as pool:
            asked = [pool.submit(copy_context().run, end.answer) for end in ends]
            done = wait(asked, return_when=FIRST_EXCEPTION).done
            failed = next((error for each in done if (error := each.exception())), None)
            if failed is not None:
                _kill(ends)
                raise failed
            return asked[0].result(), asked[1].result()


def ask_source(source: Source, step: SendStep, nonce: bytes, rate: int | None) -> StreamDigest:
    """What the source alone says. Raises what zfs.stderr makes of its failure."""
    return _alone(_of_source(source, step, nonce, rate, lambda _: None))


def ask_box(box: Box, step: SendStep, nonce: bytes, rate: int | None) -> StreamDigest:
    """What the box alone says. Raises what zfs.stderr makes of its failure."""
    return _alone(_of_box(box, step, nonce, rate))


def _of_source(source: Source, step: SendStep, nonce: bytes, rate: int | None, on_bytes: OnBytes) -> _End:
    return _SourceEnd(source.open_digest(step, nonce, rate), source.label, step, rate, on_bytes)


def _of_box(box: Box, step: SendStep, nonce: bytes, rate: int | None) -> _End:
    return _BoxEnd(box.open_digest(step, nonce, rate), box.label, step, rate)


def _alone(end: _End) -> StreamDigest:
    with _killed_after([end]):
        return end.answer()


@contextmanager
def _killed_after(ends: Sequence[_End]) -> Iterator[None]:
    try:
        yield
    finally:
        _kill(ends)


def _kill(ends: Sequence[_End]) -> None:
    for end in ends:
        end.process.kill()


def _too_slow(label: str, timeout: float) -> OperationError:
    """Not transient: another wait of that length would keep backups from beginning, too."""
    return OperationError(
        "prove",
        f"the digest on {label}",
        f"no answer within {duration_words(timeout)}",
        "see whether that machine is overloaded or a pool is suspended: zpool status",
        code="timeout",
    )
