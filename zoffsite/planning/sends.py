"""How one dataset gets to the box: full, incremental, resumed, not at all, or not until a person has decided."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from zoffsite.model.inventory import DatasetState, TokenContents
from zoffsite.model.job import Job, Selection
from zoffsite.model.plan import (
    DatasetPlan,
    FullSend,
    IncrementalSend,
    ResumeSend,
    SendStep,
    UpToDate,
)
from zoffsite.model.version import Bookmark, Snapshot, Version
from zoffsite.planning.choice import refused_choice
from zoffsite.planning.common_base import Base, Diverged, NothingThere, find_base
from zoffsite.planning.naming import travels
from zoffsite.planning.obstacles import diverged, nothing_to_send, obstacle, unplanned_token, unread_token, written_to


def plan_sends(
    job: Job, source: DatasetState, replica: DatasetState | None, token: TokenContents | None, replica_name: str
) -> DatasetPlan:
    """Plan one dataset from the facts of both sides; nothing is read, nothing is done.

    `replica` is None where the box has no such dataset; `token` is its resume token as the source decoded it.
    The steps are a chain: each starts from what the step before it brings.
    """
    stop = refused_choice(job, source, replica_name) or obstacle(source, replica, replica_name)
    if stop is not None:
        return stop
    base = find_base(source, replica)
    if isinstance(base, Diverged):
        return diverged(source, replica_name, base)
    if isinstance(base, Base) and replica is not None and replica.dataset.written > 0:
        return written_to(source, replica, base)
    if replica is not None and replica.dataset.resume_token is not None:
        if token is None or token.token != replica.dataset.resume_token:
            return unread_token(source, replica_name)
        if token.stale is None:
            return _resume(job, _Way(source, replica_name, base), token)
        return _afresh(job, _Way(source, replica_name, base), stale_token=token.token)
    return _afresh(job, _Way(source, replica_name, base))


@dataclass(frozen=True, slots=True)
class _Way:
    """From where to where: what every plan of a dataset shares."""

    source: DatasetState
    replica: str
    base: Base | NothingThere

    @property
    def name(self) -> str:
        return self.source.dataset.name

    @property
    def version(self) -> Version | None:
        return self.base.version if isinstance(self.base, Base) else None


def _afresh(job: Job, way: _Way, stale_token: str | None = None) -> DatasetPlan:
    """The plan where nothing is to be resumed; a stale token is to be aborted first."""
    targets = _selected(job, _newer(way.source, way.version))
    if not targets:
        return _nothing_new(way, stale_token)
    aborted = "" if stale_token is None else "; the interrupted receive there can no longer be resumed"
    kind = FullSend if way.version is None else IncrementalSend
    return kind(
        source=way.name,
        replica=way.replica,
        steps=tuple(_chain(way.source, way.version, targets)),
        reason=_reason(way.version) + aborted,
        stale_token=stale_token,
    )


def _resume(job: Job, way: _Way, token: TokenContents) -> DatasetPlan:
    """Go on with an interrupted send, if the token is for the very thing that could have been planned."""
    newer = _newer(way.source, way.version)
    to = next((snapshot for snapshot in newer if snapshot.guid == token.toguid), None)
    fromguid = 0 if way.version is None else way.version.guid
    if not token.raw:
        return unplanned_token(way.source, way.replica, "it would not be sent raw")
    if to is None:
        return unplanned_token(
            way.source, way.replica, f"it is for guid {token.toguid}, which is none of the snapshots"
        )
    if token.fromguid != fromguid:
        return unplanned_token(
            way.source, way.replica, f"it starts from guid {token.fromguid} instead of {fromguid or 'nothing'}"
        )
    first = SendStep(to=to, base=way.version, estimated_bytes=token.remaining_bytes)
    rest = _selected(job, _newer(way.source, to))
    return ResumeSend(
        source=way.name,
        replica=way.replica,
        token=token.token,
        steps=(first, *_chain(way.source, to, rest)),
        reason=f"resume the interrupted send of @{to.name}; {_reason(way.version)}",
    )


def _nothing_new(way: _Way, stale_token: str | None) -> DatasetPlan:
    if isinstance(way.base, NothingThere):
        return nothing_to_send(way.source, way.replica)
    version = way.base.version
    return UpToDate(
        source=way.name,
        replica=way.replica,
        newest=version if isinstance(version, Snapshot) else way.base.replica,
        reason=f"the box has {_words(version)}, and nothing newer is to be sent",
        stale_token=stale_token,
    )


def _newer(source: DatasetState, base: Version | None) -> Sequence[Snapshot]:
    """The snapshots after `base`, oldest first; all of them where there is no base."""
    return [s for s in source.snapshots if base is None or s.createtxg > base.createtxg]


def _selected(job: Job, snapshots: Sequence[Snapshot]) -> Sequence[Snapshot]:
    travelling = [snapshot for snapshot in snapshots if travels(job, snapshot.name)]
    return travelling[-1:] if job.selection is Selection.LATEST else travelling


def _chain(source: DatasetState, base: Version | None, targets: Sequence[Snapshot]) -> Iterator[SendStep]:
    for target in targets:
        yield SendStep(to=target, base=base, estimated_bytes=written_between(source, base, target))
        base = target


def written_between(source: DatasetState, base: Version | None, to: Snapshot) -> int:
    """The size in bytes of what leads from `base` to `to`, as the source counts it.

    From the listing alone: asking `zfs send -n` would cost a process per dataset.
    """
    if base is None:
        return to.referenced
    return sum(snapshot.written for snapshot in _between(source.snapshots, base, to))


def _between(snapshots: Sequence[Snapshot], base: Version, to: Snapshot) -> Sequence[Snapshot]:
    """Those after `base` up to `to`: found by halving, for a chain of 10,000 asks 10,000 times."""
    start, end = (bisect_right(snapshots, version.createtxg, key=lambda s: s.createtxg) for version in (base, to))
    return snapshots[start:end]


def _reason(base: Version | None) -> str:
    if base is None:
        return "full send, because the box has no snapshot of this dataset"
    return f"incremental from {_words(base)}, the newest snapshot both sides have"


def _words(version: Version) -> str:
    if isinstance(version, Bookmark):
        return f"#{version.name} (of the snapshot itself the source has only this bookmark)"
    return f"@{version.name}"
