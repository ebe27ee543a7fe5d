"""One step of a plan: a send on the source into a receive on the box; or only a look at how its stream begins."""

from __future__ import annotations

from collections.abc import Callable

from zoffsite.hosts.endpoint import Box, Source
from zoffsite.hosts.limiter import Limiter
from zoffsite.hosts.opening import gone_after, read_opening
from zoffsite.hosts.pump import pump
from zoffsite.hosts.runner import Completed
from zoffsite.hosts.transfers import transfers
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.plan import SendStep, Side
from zoffsite.stream.begin import RECORD_SIZE, ExpectedBegin, check_begin
from zoffsite.stream.keys import key_fingerprint
from zoffsite.zfs.stderr import zfs_error


def transfer(
    source: Source,
    box: Box,
    step: SendStep,
    replica: str,
    *,
    token: str | None = None,
    limiter: Limiter,
    stall: float,
    on_bytes: Callable[[int], object] = lambda _: None,
    check_key: Callable[[str], object] = lambda _: None,
) -> int:
    """Send `step` into `replica` and return the bytes that crossed the wire; `token` goes on where it broke off.

    The receive is not even started before the stream's first record has shown that it is raw and is what `step` says,
    and `check_key`, which gets the fingerprint of the wrapped key in it, has raised nothing.
    See `pump` for `stall`, `on_bytes` and the errors. Both programs are gone when this returns or raises.
    """

    def explain(side: Side, ended: Completed) -> ZoffsiteError:
        if side is Side.SOURCE:
            return zfs_error("send", step.to.full_name, ended.exit_code, ended.stderr, source.label)
        return zfs_error("receive into", replica, ended.exit_code, ended.stderr, box.label)

    return pump(
        source.open_send(step) if token is None else source.open_resume(token),
        lambda: box.open_receive(replica, step),
        subject=step.to.full_name,
        check_first=lambda opening: check_key(_checked_key(opening, step)),
        explain=explain,
        limiter=limiter,
        stall=stall,
        on_bytes=on_bytes,
    )


def peek_key(source: Source, step: SendStep, stall: float) -> str:
    """The fingerprint of the wrapped key that `step` would bring to the box. Sends nothing."""

    def explain(_: Side, ended: Completed) -> ZoffsiteError:
        return zfs_error("send", step.to.full_name, ended.exit_code, ended.stderr, source.label)

    reader = source.open_send(step)
    with transfers.watch() as watch, gone_after(reader):
        watch.add(reader)
        opening = read_opening(reader, watch, stall, explain)
    return _checked_key(opening, step)


def _checked_key(opening: bytes, step: SendStep) -> str:
    """The fingerprint of the wrapped key in a stream that is what `step` says; see `check_begin` for what it raises."""
    expected = ExpectedBegin(toguid=step.to.guid, fromguid=step.base.guid if step.base else 0)
    check_begin(opening[:RECORD_SIZE], expected)
    return key_fingerprint(opening[RECORD_SIZE:])
