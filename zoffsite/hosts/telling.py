"""A program that tells how far it is, a line at a time, and in a line at its end what it came to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from zoffsite.hosts.opening import GRACE, gone_after, wait_for
from zoffsite.hosts.runner import Process
from zoffsite.hosts.transfers import Watch, transfers
from zoffsite.model.errors import OperationError
from zoffsite.zfs.stderr import zfs_error

LONGEST_LINE = 64 << 10
"""Bytes; what a longer line says beyond them is not kept."""


Answer = TypeVar("Answer")
OnBytes = Callable[[int], object]
"""Hears how many bytes were read, in all."""


def hear(
    process: Process,
    operation: str,
    subject: str,
    label: str,
    *,
    parse: Callable[[str, str], int | Answer],
    stall: float,
    on_bytes: OnBytes,
) -> Answer:
    """What `process` on the host `label` came to. `parse` makes of a line, and the label, that or a number of bytes.

    Raises what `parse` raises and what zfs.stderr makes of its failure; OperationError "stalled" when it says nothing
    for `stall` seconds, and RunInterruptedError when the run was stopped. In the end the process is gone.
    """
    found: list[Answer] = []
    with transfers.watch() as watch, gone_after(process):
        watch.add(process)
        process.close_stdin()
        for line in _lines(process, watch, stall):
            said = parse(line, label)
            if isinstance(said, int):
                on_bytes(said)
            else:
                found.append(said)
        ended = wait_for(process, GRACE)
    transfers.check(operation, subject)
    if watch.overdue:
        raise _silent(operation, subject, stall)
    if ended is None or ended.exit_code != 0 or not found:
        code, last_words = (-1, "") if ended is None else (ended.exit_code, ended.stderr)
        raise zfs_error(operation, subject, code, last_words, label)
    return found[-1]


def _lines(process: Process, watch: Watch, stall: float) -> Iterator[str]:
    rest = b""
    while True:
        watch.expect_within(stall)
        piece = process.read(LONGEST_LINE)
        watch.rest()
        if not piece:
            return
        *lines, rest = (rest + piece).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in lines)
        rest = rest[:LONGEST_LINE]


def _silent(operation: str, subject: str, stall: float) -> OperationError:
    return OperationError(
        operation,
        subject,
        f"nothing could be read for {stall:g} seconds",
        "see whether a pool is suspended: zpool status",
        code="stalled",
        transient=True,
    )
