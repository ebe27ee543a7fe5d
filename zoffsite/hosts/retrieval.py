"""One dataset back from the box: its send there into a receive here. What comes is hostile until its key opens it."""

from __future__ import annotations

from collections.abc import Callable

from zoffsite.hosts.endpoint import Box
from zoffsite.hosts.limiter import Limiter
from zoffsite.hosts.pump import pump
from zoffsite.hosts.receiver import Receiver
from zoffsite.hosts.runner import Completed
from zoffsite.model.errors import SafetyError, ZoffsiteError
from zoffsite.model.plan import SendStep, Side
from zoffsite.model.restore import Restoration
from zoffsite.model.version import Snapshot
from zoffsite.stream.begin import RECORD_SIZE, ExpectedBegin, check_begin
from zoffsite.stream.keys import key_fingerprint
from zoffsite.views.words import size_words
from zoffsite.zfs.stderr import zfs_error


def retrieve(
    box: Box,
    receiver: Receiver,
    part: Restoration,
    snapshot: Snapshot,
    *,
    limiter: Limiter,
    stall: float,
    on_bytes: Callable[[int], object] = lambda _: None,
) -> int:
    """Bring `part` back and return the bytes that came.

    The receive is not even started before the first record has shown that the stream is plain, raw and of the planned
    snapshot. SafetyError "stream-…" where it is not, or where more comes than `part.longest`. See `pump` for the rest.
    """
    counted = _Counted(part, on_bytes)

    def explain(side: Side, ended: Completed) -> ZoffsiteError:
        if side is Side.BOX:  # of the two ends, the one that receives
            return zfs_error("receive into", part.target, ended.exit_code, ended.stderr, receiver.label)
        error = zfs_error("send", snapshot.full_name, ended.exit_code, ended.stderr, box.label)
        if error.code == "not-permitted":  # what is to be granted, is to be granted on the root
            return zfs_error("send", part.replica.rpartition("/")[0], ended.exit_code, ended.stderr, box.label)
        return error

    def check_first(opening: bytes) -> None:
        check_begin(opening[:RECORD_SIZE], ExpectedBegin(toguid=snapshot.guid, fromguid=0))
        key_fingerprint(opening[RECORD_SIZE:])

    step = SendStep(to=snapshot, base=None, estimated_bytes=part.estimated_bytes)
    try:
        return pump(
            box.open_send(step) if part.token is None else box.open_resume(part.token),
            lambda: receiver.open_receive(part.target),
            subject=snapshot.full_name,
            check_first=check_first,
            explain=explain,
            limiter=limiter,
            stall=stall,
            on_bytes=counted.add,
        )
    except SafetyError as error:
        if error.operation != "check":  # what a backup would say of its own stream
            raise
        raise _refused(part, error.problem, error.code) from error


class _Counted:
    """Counts what comes, and ends it where it is more than the snapshot can be."""

    def __init__(self, part: Restoration, on_bytes: Callable[[int], object]) -> None:
        self._part = part
        self._on_bytes = on_bytes
        self._come = 0

    def add(self, count: int) -> None:
        """`count` more bytes were handed on."""
        self._come += count
        self._on_bytes(count)
        if self._come > self._part.longest:
            raise _refused(
                self._part,
                f"it is longer than {size_words(self._part.longest)}, the most that the snapshot's size allows",
                "stream-too-long",
            )


def _refused(part: Restoration, problem: str, code: str) -> SafetyError:
    return SafetyError(
        "receive into",
        part.target,
        f"what the box sends is not what was asked for: {problem}",
        "the box, or somebody on it, is not what it was: restore from its disk, on a machine with nothing to lose",
        code=code,
    )
