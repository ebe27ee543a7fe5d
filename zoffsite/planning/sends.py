"""How one dataset gets to the box: full, incremental, resumed, not at all, or not until a person has decided."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from zoffsite.model.family import ALONE, Family
from zoffsite.model.inventory import DatasetState, TokenContents, UnreadToken
from zoffsite.model.job import Job, Selection
from zoffsite.model.plan import (
    DatasetPlan,
    FullSend,
    IncrementalSend,
    ResumeSend,
    SendStep,
    UpToDate,
)
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.version import Bookmark, Snapshot, Version
from zoffsite.planning.choice import refused_choice
from zoffsite.planning.common_base import Base, CloneBase, Diverged, NothingThere, clone_bases, find_base
from zoffsite.planning.naming import travels
from zoffsite.planning.obstacles import (
    another_token,
    diverged,
    nothing_to_send,
    obstacle,
    unplanned_token,
    unread_token,
    written_to,
)


def plan_sends(
    job: Job,
    source: DatasetState,
    replica: DatasetState | None,
    token: TokenContents | UnreadToken | None,
    replica_name: str,
    family: Family = ALONE,
) -> DatasetPlan:
    """Plan one dataset from the facts of both sides; nothing is read, nothing is done.

    `replica` is None where the box has no such dataset; `token` is its resume token as the source decoded it;
    `family` is what it shares with clones. The steps are a chain: each starts from what the step before it brings.
    """
    stop = refused_choice(job, source, replica_name) or obstacle(source, replica, replica_name)
    if stop is not None:
        return stop
    base = find_base(source, replica, family)
    if isinstance(base, Diverged):
        return diverged(job, source, replica_name, base)
    if isinstance(base, Base) and replica is not None and replica.dataset.written > 0:
        return written_to(source, replica, base)
    way = _Way(source, replica_name, base, family)
    if replica is not None and replica.dataset.resume_token is not None:
        if token is None or token.token != replica.dataset.resume_token:
            return another_token(source, replica_name)
        if isinstance(token, UnreadToken):
            return unread_token(source, replica_name, token)
        if token.stale is None:
            return _resume(job, _as_begun(way, token), token)
        return _afresh(job, way, stale_token=token.token)
    return _afresh(job, way)


@dataclass(frozen=True, slots=True)
class _Way:
    """From where to where: what every plan of a dataset shares."""

    source: DatasetState
    replica: str
    base: Base | CloneBase | NothingThere
    family: Family

    @property
    def name(self) -> str:
        return self.source.dataset.name

    @property
    def version(self) -> Version | None:
        return None if isinstance(self.base, NothingThere) else self.base.version

    @property
    def reason(self) -> str:
        """Why it starts where it does."""
        if isinstance(self.base, NothingThere):
            origin = self.source.dataset.origin
            return "the box has no snapshot of this dataset" + (f", nor of its origin {origin}" if origin else "")
        if isinstance(self.base, CloneBase):
            return f"the box has {_words(self.base.version)} of {self.base.version.dataset}, from which it was cloned"
        return f"{_words(self.base.version)} is the newest snapshot both sides have"


def _afresh(job: Job, way: _Way, stale_token: str | None = None) -> DatasetPlan:
    """The plan where nothing is to be resumed; a stale token is to be aborted first."""
    targets = _selected(job, _newer(way.source, way.version), way.family.wanted)
    if not targets:
        return _nothing_new(way, stale_token)
    aborted = "" if stale_token is None else "; the interrupted receive there can no longer be resumed"
    kind = FullSend if way.version is None else IncrementalSend
    return kind(
        source=way.name,
        replica=way.replica,
        steps=tuple(_chain(way, way.version, targets)),
        reason=way.reason + aborted,
        stale_token=stale_token,
    )


def _as_begun(way: _Way, token: TokenContents) -> _Way:
    """A first send goes on from where it began, though another start may be better by now."""
    if isinstance(way.base, Base):
        return way
    begun = (base for base in clone_bases(way.source, way.family) if base.version.guid == token.fromguid)
    return replace(way, base=next(begun, NothingThere()))


def _resume(job: Job, way: _Way, token: TokenContents) -> DatasetPlan:
    """Go on with an interrupted send, if the token is for the very thing that could have been planned."""
    newer = _newer(way.source, way.version)
    to = next((snapshot for snapshot in newer if snapshot.guid == token.toguid), None)
    fromguid = 0 if way.version is None else way.version.guid
    if not token.raw:
        return unplanned_token(way.source, way.replica, "it would not be sent raw")
    if token.strange:
        return unplanned_token(way.source, way.replica, f"it asks for more than that ({', '.join(token.strange)})")
    if to is None:
        return unplanned_token(
            way.source, way.replica, f"it is for guid {token.toguid}, which is none of the snapshots"
        )
    if token.fromguid != fromguid:
        return unplanned_token(
            way.source, way.replica, f"it starts from guid {token.fromguid} instead of {fromguid or 'nothing'}"
        )
    if token.sends.partition("@")[0] != way.name:
        return unplanned_token(way.source, way.replica, f"the source would send {token.sends}, which is not of it")
    first = replace(_step(way, way.version, to), estimated_bytes=token.remaining_bytes)
    rest = _selected(job, _newer(way.source, to), way.family.wanted)
    return ResumeSend(
        source=way.name,
        replica=way.replica,
        token=token.token,
        steps=(first, *_chain(way, to, rest)),
        reason=f"the send of @{to.name} was interrupted; {way.reason}",
    )


def _nothing_new(way: _Way, stale_token: str | None) -> DatasetPlan:
    if not isinstance(way.base, Base):
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
    return source.snapshots if base is None else source.snapshots.after(base.createtxg)


def _selected(job: Job, snapshots: Sequence[Snapshot], wanted: frozenset[int]) -> Sequence[Snapshot]:
    """What the job's selection sends, and what clones start from whatever the selection."""
    travelling = [snapshot for snapshot in snapshots if travels(job, snapshot.name)]
    if job.selection is Selection.LATEST:
        travelling = travelling[-1:]
    sent = wanted.union(snapshot.guid for snapshot in travelling)
    return [snapshot for snapshot in snapshots if snapshot.guid in sent]


def _chain(way: _Way, base: Version | None, targets: Sequence[Snapshot]) -> Iterator[SendStep]:
    for target in targets:
        yield _step(way, base, target)
        base = target


def _step(way: _Way, base: Version | None, to: Snapshot) -> SendStep:
    """After a bookmark the listing tells only the most it can be: `written` there counts from an older snapshot."""
    size = written_between(way.source, base, to, way.family.ancestors)
    return SendStep(to=to, base=base, estimated_bytes=size, written=None if isinstance(base, Bookmark) else size)


def written_between(source: DatasetState, base: Version | None, to: Snapshot, ancestors: Sequence[Version] = ()) -> int:
    """The size in bytes of what leads from `base` to `to`, as the source counts it.

    From the listing alone: asking `zfs send -n` would cost a process per dataset. From a bookmark it is too much.
    """
    if base is None:
        return to.referenced
    before = (version for version in ancestors if isinstance(version, Snapshot))
    past = sum(version.written for version in before if base.createtxg < version.createtxg <= to.createtxg)
    return past + sum(source.snapshots.written[_between(source.snapshots, base, to)])


def _between(snapshots: Snapshots, base: Version, to: Snapshot) -> slice:
    """Where those after `base` up to `to` are: found by halving, for a chain of 10,000 asks 10,000 times."""
    return slice(*(bisect_right(snapshots.createtxgs, version.createtxg) for version in (base, to)))


def _words(version: Version) -> str:
    if isinstance(version, Bookmark):
        return f"#{version.name} (of the snapshot itself the source has only this bookmark)"
    return f"@{version.name}"
