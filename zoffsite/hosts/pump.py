"""Bytes from a send to a receive: checked before the first one leaves, counted, limited, watched."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from zoffsite.hosts.capture import Collector
from zoffsite.hosts.limiter import Limiter
from zoffsite.hosts.opening import GRACE, Explain, gone_after, read_opening, wait_for, wait_quietly
from zoffsite.hosts.runner import STDERR, Process
from zoffsite.hosts.transfers import Watch, transfers
from zoffsite.model.errors import SafetyError, TransferError, ZoffsiteError
from zoffsite.model.plan import Side

FINISH = 300.0
"""Seconds (at least) for the receive to work off what is on the way when the last byte was handed over."""


def pump(
    reader: Process,
    open_writer: Callable[[], Process],
    *,
    subject: str,
    check_first: Callable[[bytes], object],
    explain: Explain,
    limiter: Limiter,
    stall: float,
    on_bytes: Callable[[int], object] = lambda _: None,
) -> int:
    """Move everything from `reader` to the writer and return the number of bytes, once both have ended well.

    `check_first` gets the first record with its payload and raises to refuse the stream: the writer is then not even
    opened.
    `stall` is in seconds: no byte for so long, on either side, ends both. `on_bytes` gets counts as they are sent.
    Raises SafetyError (refused), TransferError ("stalled", "connection-lost", …), what `explain` makes of a failed
    program, RunInterruptedError. Whatever is raised, both programs have been ended before.
    """
    with transfers.watch() as watch, gone_after(reader):
        watch.add(reader)
        try:
            transfers.check("send", subject)
            first = read_opening(reader, watch, stall, explain)
            check_first(first)
            writer = open_writer()
            with _finished_after(writer, watch):
                watch.add(writer)
                Collector(writer.read, STDERR, writer.kill)
                flow = _Flow(reader, writer, watch, limiter, stall, on_bytes)
                return _run(flow, first, subject, explain)
        except SafetyError:
            raise
        except ZoffsiteError as error:
            transfers.check("send", subject)
            if watch.overdue:
                raise _stalled(subject, stall) from error
            raise


class _Flow:
    """The two ends and the rules of one transfer."""

    def __init__(
        self,
        reader: Process,
        writer: Process,
        watch: Watch,
        limiter: Limiter,
        stall: float,
        on_bytes: Callable[[int], object],
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.watch = watch
        self.limiter = limiter
        self.stall = stall
        self.on_bytes = on_bytes
        self.total = 0

    def copy(self, data: bytes) -> None:
        """Write `data`, then all that can be read. One piece in memory at a time; BrokenPipeError from the writer."""
        while data:
            self.watch.rest()
            self.limiter.take(len(data))
            self._write(memoryview(data))
            self.watch.expect_within(self.stall)
            data = self.reader.read(self.limiter.piece)

    def _write(self, rest: memoryview) -> None:
        while rest:
            self.watch.expect_within(self.stall)
            count = self.writer.write(rest)
            rest = rest[count:]
            self.total += count
            self.on_bytes(count)


def _run(flow: _Flow, first: bytes, subject: str, explain: Explain) -> int:
    """Copy and judge the ends. Who ended first is the cause; the other one only followed."""
    try:
        flow.copy(first)
    except BrokenPipeError:
        flow.watch.expect_within(GRACE)
        received = wait_for(flow.writer, GRACE)
        if received is None or received.exit_code == 0:
            raise _ended_early(subject) from None
        raise explain(Side.BOX, received) from None
    finish = max(flow.stall, FINISH)
    flow.watch.expect_within(finish)
    flow.writer.close_stdin()
    sent, received = wait_for(flow.reader, GRACE), wait_for(flow.writer, finish)
    if sent is None or received is None:
        raise _stalled(subject, finish)
    if sent.exit_code != 0:
        raise explain(Side.SOURCE, sent)
    if received.exit_code != 0:
        raise explain(Side.BOX, received)
    return flow.total


@contextlib.contextmanager
def _finished_after(writer: Process, watch: Watch) -> Iterator[None]:
    """The same for a receive, which gets a moment to end by itself when its input breaks off: it so keeps what it
    has, and the replica is no longer busy when the next attempt comes."""
    with gone_after(writer):
        try:
            yield
        except Exception:
            if not transfers.stopping and not watch.overdue:
                watch.expect_within(GRACE)
                writer.close_stdin()
                wait_quietly(writer)
            raise


def _stalled(subject: str, seconds: float) -> TransferError:
    return TransferError(
        "send",
        subject,
        f"no byte moved for {seconds:g} seconds, so both ends were cut",
        "run it again: it resumes. If it happens often, look at the line, at the box's disk (zpool status), or raise "
        "`stall` of the job",
        code="stalled",
        transient=True,
    )


def _ended_early(subject: str) -> TransferError:
    return TransferError(
        "send",
        subject,
        "the receive on the box ended before the stream did, without saying why",
        "look at the box's kernel log for ZFS errors: dmesg | tail",
        code="receive-ended-early",
        transient=True,
    )
