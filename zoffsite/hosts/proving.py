"""Ask both ends for the digest of the same stream, at the same time; where one fails, the other need not read on."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from zoffsite.hosts.capture import run_to_end
from zoffsite.hosts.endpoint import Box, Source
from zoffsite.hosts.runner import STDERR, Process
from zoffsite.model.plan import SendStep
from zoffsite.model.proof import Provable, StreamDigest
from zoffsite.zfs.digest import parse_digest
from zoffsite.zfs.stderr import zfs_error

End = tuple[Process, SendStep, str]

PATIENCE = 600.0
"""Seconds that an answer may take, and more for what is to be read: a box that keeps silent must not stop backups."""
SLOWEST = 10_000_000
"""Bytes per second that the slowest disk reads, and the slowest processor digests."""


def ask_both(source: Source, box: Box, each: Provable, nonce: bytes) -> tuple[StreamDigest, StreamDigest]:
    """What the source and what the box say. Raises what zfs.stderr makes of the end that failed first."""
    ends: list[End] = []
    try:
        for host, step in ((source, each.ours), (box, each.theirs)):
            ends.append((host.open_digest(step, nonce), step, host.label))
        with ThreadPoolExecutor(max_workers=2, thread_name_prefix="zoffsite") as pool:
            asked = [pool.submit(_answer, *end) for end in ends]
            done = wait(asked, return_when=FIRST_EXCEPTION).done
            failed = next((error for each in done if (error := each.exception())), None)
            if failed is not None:
                _kill(ends)
                raise failed
            return asked[0].result(), asked[1].result()
    finally:
        _kill(ends)


def _answer(process: Process, step: SendStep, label: str) -> StreamDigest:
    timeout = PATIENCE + step.estimated_bytes / SLOWEST
    done = run_to_end(process, f"the digest on {label}", limit=STDERR, timeout=timeout)
    if done.exit_code != 0:
        raise zfs_error("prove", step.to.full_name, done.exit_code, done.stderr, label)
    return parse_digest(done.stdout, label)


def _kill(ends: list[End]) -> None:
    for process, _, _ in ends:
        process.kill()
