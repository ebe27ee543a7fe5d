"""The opening of a stream, its first record with the payload: read before its first byte may leave."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from zoffsite.hosts.runner import Completed, Process
from zoffsite.hosts.transfers import Watch
from zoffsite.model.errors import OperationError, ZoffsiteError
from zoffsite.model.plan import Side
from zoffsite.stream.begin import RECORD_SIZE, parse_begin

GRACE = 5.0
"""Seconds for a program to end after its input or output has ended."""

Explain = Callable[[Side, Completed], ZoffsiteError]
"""What the end of a send (SOURCE) or of a receive (BOX) that did not do its work means."""


def read_opening(reader: Process, watch: Watch, stall: float, explain: Explain) -> bytes:
    """The first record with its payload, at most a megabyte.

    Raises what `explain` makes of a send that ends before; SafetyError "stream-malformed" where it is no zfs stream.
    """
    record = _read(reader, RECORD_SIZE, watch, stall, explain)
    opening = record + _read(reader, parse_begin(record).payload_length, watch, stall, explain)
    watch.rest()
    return opening


def _read(reader: Process, size: int, watch: Watch, stall: float, explain: Explain) -> bytes:
    found = b""
    while len(found) < size:
        watch.expect_within(stall)
        piece = reader.read(size - len(found))
        if not piece:
            ended = wait_for(reader, GRACE)
            raise explain(Side.SOURCE, ended or Completed(exit_code=-1, stdout="", stderr="the stream ended at once"))
        found += piece
    return found


@contextlib.contextmanager
def gone_after(process: Process) -> Iterator[None]:
    """After the block the program is gone, whatever happened in it."""
    try:
        yield
    finally:
        process.kill()
        wait_quietly(process)


def wait_for(process: Process, timeout: float) -> Completed | None:
    """How it ended; None when it is still running after `timeout` seconds."""
    try:
        return process.wait(timeout)
    except TimeoutError:
        return None


def wait_quietly(process: Process) -> None:
    """Give it a moment to end: the error that counts is already on its way."""
    with contextlib.suppress(TimeoutError, OperationError):
        process.wait(GRACE)
