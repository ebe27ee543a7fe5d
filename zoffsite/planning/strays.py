"""Replicas under the root that no dataset of the job has any more, and datasets that have got another name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from shlex import quote

from zoffsite.model.dataset import Dataset, KeyStatus
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.memory import NOTHING, Memory
from zoffsite.model.notice import Notice
from zoffsite.model.plan import Conflict, FullSend, IncrementalSend, Refused
from zoffsite.model.work import Work
from zoffsite.planning.common_base import Diverged, find_base
from zoffsite.planning.obstacles import open_root, renamed, renamed_and_diverged, unload, unmount


def strays_of(job: Job, box: Mapping[str, DatasetState], owned: Iterable[str]) -> tuple[DatasetState, ...]:
    """What is below the root, has snapshots or the beginning of one, and is not among `owned`: all that is covered."""
    owners = frozenset(owned)
    return tuple(
        state
        for name, state in box.items()
        if name.startswith(f"{job.root}/") and name not in owners and (state.snapshots or state.dataset.resume_token)
    )


def open_notices(box: Mapping[str, DatasetState], owned: Iterable[str]) -> tuple[Notice, ...]:
    """An alert for what is mounted or has its key loaded there, and is none of `owned`: those are refused themselves.

    That is what nothing is sent to any more: nobody else would look at it.
    """
    others = set(box).difference(owned)
    return tuple(notice for name in sorted(others) for notice in _open(box[name].dataset))


def renames_of(works: Sequence[Work], strays: Iterable[DatasetState]) -> dict[str, DatasetState]:
    """The datasets that would be sent again although the box has them, each with the replica that it is there.

    That replica's newest snapshot is the dataset's, and nobody's else: either the replica is a stray, or it has the
    name of a dataset that does not know the snapshot, as after two were renamed in a row. An older snapshot in common
    is not enough: under the right name the replica would be in the way as much as it is now.
    """
    foreign = (work.replica for work in works if _in_the_way(work) and work.replica)
    by_guid = {state.newest.guid: state for state in (*foreign, *strays) if state.newest}
    found = ((work.source.dataset.name, _first(work, by_guid)) for work in works if _anew(work) or _in_the_way(work))
    return {name: state for name, state in found if state is not None}


def diverged_renames_of(
    job: Job, works: Sequence[Work], strays: Sequence[DatasetState], memory: Memory
) -> dict[str, DatasetState]:
    """The same for replicas whose newest snapshot the source has no more, or never had: what else tells whose they are.

    That is the ledger: it knows the replica as another name's, of this dataset's GUID or with a snapshot that it has. A
    replica that was set aside on the box has a name that the ledger does not know. A dataset that `replicas` names may
    be sent anew: somebody has decided.
    """
    decided = dict(job.replicas)
    anew = (work.source for work in works if _anew(work) and work.source.dataset.name not in decided)
    found = ((source.dataset.name, _remembered(source, strays, memory)) for source in anew)
    return {name: state for name, state in found if state is not None}


def with_root(work: Work, root: DatasetState | None) -> Work:
    """The work, refused where what it would be sent to lies in an open root."""
    if root is None or isinstance(work.plan, Conflict | Refused):
        return work
    stop = open_root(work.source, work.plan.replica, root.dataset)
    return work if stop is None else replace(work, plan=stop)


def with_renamed(job: Job, work: Work, renames: Mapping[str, DatasetState]) -> Work:
    """The work, in conflict where it is one of `renames`: nothing is sent again before somebody has decided."""
    stray = renames.get(work.source.dataset.name)
    if stray is None:
        return work
    name, base = work.plan.replica, find_base(work.source, stray)
    if isinstance(base, Diverged):
        return replace(work, plan=renamed_and_diverged(job, work.source, name, stray, base), raised=())
    plan = renamed(job, work.source, name, stray, occupied=_in_the_way(work))
    return replace(work, plan=plan, raised=())


def stray_notices(strays: Iterable[DatasetState], renames: Mapping[str, DatasetState]) -> tuple[Notice, ...]:
    """A notice for each stray that is not only a dataset under its old name."""
    known = {state.dataset.name for state in renames.values()}
    unknown = (state for state in strays if state.dataset.name not in known)
    return tuple(_kept(state) if state.snapshots else _begun(state) for state in unknown)


def _anew(work: Work) -> bool:
    return isinstance(work.plan, FullSend | IncrementalSend) and work.replica is None


def _in_the_way(work: Work) -> bool:
    return isinstance(work.plan, Conflict) and work.plan.code == "diverged"


def _first(work: Work, by_guid: Mapping[int, DatasetState]) -> DatasetState | None:
    guids = (*work.source.snapshots.guids, *(bookmark.guid for bookmark in work.source.bookmarks))
    return next((by_guid[guid] for guid in guids if guid in by_guid), None)


def _remembered(source: DatasetState, strays: Iterable[DatasetState], memory: Memory) -> DatasetState | None:
    name, guid = source.dataset.name, source.dataset.guid
    versions = {version.guid for version in source.versions}
    for stray in strays:
        known = memory.replicas.get(stray.dataset.name, NOTHING)
        if known.dataset in ("", name):
            continue
        if known.dataset_guid == guid or not versions.isdisjoint(stray.snapshots.guids):
            return stray
    return None


def _kept(state: DatasetState) -> Notice:
    newest, name = state.snapshots[-1], state.dataset.name
    return Notice(
        code="replica-without-dataset",
        subject=name,
        message=f"no dataset of the job is kept there any more, since about {_day(newest.creation)}; "
        f"it stays as it is, {len(state.snapshots)} snapshots up to @{newest.name}",
        remedy=f"to be rid of it, on the box: zfs destroy -r {quote(name)}",
    )


def _begun(state: DatasetState) -> Notice:
    name = state.dataset.name
    return Notice(
        code="receive-without-dataset",
        subject=name,
        message=f"an interrupted first send has left {state.dataset.used} bytes there, of no dataset that the job has "
        "now: nobody will go on with it",
        remedy=f"to be rid of it, on the box: zfs receive -A {quote(name)}",
    )


def _open(dataset: Dataset) -> Iterator[Notice]:
    if dataset.mounted:
        yield Notice(
            code="mounted",
            subject=dataset.name,
            message="it is mounted on the box: whoever is there can read it, and write to it",
            remedy=f"on the box: {unmount(dataset)}; then find out who mounted it",
            alert=True,
        )
    elif dataset.keystatus is KeyStatus.AVAILABLE:
        yield Notice(
            code="key-loaded",
            subject=dataset.name,
            message="its key is loaded on the box: whoever is there can read it",
            remedy=f"on the box: {unload(dataset)}; then find out who loaded it, and change the key",
            alert=True,
        )


def _day(creation: int) -> str:
    return f"{datetime.fromtimestamp(creation, UTC):%Y-%m-%d %H:%M} UTC"
