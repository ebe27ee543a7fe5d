"""Clones: what a dataset shares with those that it was cloned from, or that were cloned from it.

ZFS finds a clone's origin on the box by guid, whatever it is called there, and takes any version as the base that is
an ancestor of what is sent, bookmarks included (OpenZFS 2.1.11 and 2.3.2).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from shlex import quote

from zoffsite.model.family import ALONE, Family
from zoffsite.model.inventory import DatasetState
from zoffsite.model.notice import Notice
from zoffsite.model.plan import Conflict, DatasetPlan, FullSend, Refused, ResumeSend, Send, SendStep
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.version import NOT_TAKEN, Snapshot, Version
from zoffsite.model.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """Who was cloned from whom on the source. `clones` gives each dataset's, by its name."""

    datasets: Mapping[str, DatasetState]
    clones: Mapping[str, Sequence[str]]


def kin_of(datasets: Mapping[str, DatasetState]) -> Kin:
    """The clones among `datasets`."""
    clones = dict[str, list[str]]()
    for name, state in datasets.items():
        if state.dataset.origin is not None:
            clones.setdefault(origin_name(state.dataset.origin), []).append(name)
    return Kin(datasets=datasets, clones=clones)


def origins_first(chosen: Iterable[DatasetState]) -> list[DatasetState]:
    """The datasets so that each comes after the one that it is a clone of."""
    states = {state.dataset.name: state for state in chosen}

    def depth(state: DatasetState) -> int:
        return sum(name in states for name in _origins(state, states))

    return sorted(states.values(), key=depth)


def family_of(
    state: DatasetState,
    kin: Kin,
    replicas: Mapping[str, DatasetState],
    strays: Iterable[DatasetState],
    wanted: frozenset[int],
) -> Family:
    """What `state` shares with others.

    `replicas` are the replicas as they will be, by the dataset that each is of; `strays` are those of no dataset.
    """
    origins = _origins(state, kin.datasets)
    clones = kin.clones.get(state.dataset.name, ())
    if not origins and not clones:
        return replace(ALONE, wanted=wanted)
    ancestors = _ancestors(state, kin.datasets)
    shared = {version.guid for version in (*ancestors, *state.versions)} - {NOT_TAKEN}
    holders = [*(strays if origins else ()), *(replicas[name] for name in (*clones, *origins) if name in replicas)]
    there = {snapshot.guid: snapshot for holder in holders for snapshot in holder.snapshots if snapshot.guid in shared}
    return Family(ancestors=ancestors, there=there, wanted=wanted)


def starts_of_clones(chosen: Iterable[DatasetState], missing: Collection[str], kin: Kin) -> dict[str, frozenset[int]]:
    """The guids of the snapshots that the clones among `missing` (not on the box yet) began as, by their dataset."""
    wanted = dict[str, set[int]]()
    for state in chosen:
        origin = state.dataset.origin
        if origin is None or state.dataset.name not in missing or not state.dataset.encrypted:
            continue
        parent = kin.datasets.get(origin_name(origin))
        began = _origin_of(origin, parent)
        if began is not None:
            wanted.setdefault(began.dataset, set()).add(began.guid)
    return {name: frozenset(guids) for name, guids in wanted.items()}


def with_lends(works: Sequence[Work]) -> tuple[Work, ...]:
    """The works, each with the guids of its snapshots that clones start from in this run."""
    lends = dict[str, set[int]]()
    for work in works:
        guid = clone_base_of(work)
        if guid is not None:
            lends.setdefault(work.family.there[guid].dataset, set()).add(guid)
    return tuple(replace(work, lends=frozenset(lends.get(work.plan.replica, ()))) for work in works)


def waves(works: Iterable[Work]) -> Iterable[list[Work]]:
    """What can be done at the same time: a clone comes after the dataset that brings what it starts from."""
    left = list(works)
    while left:
        coming = {step.to.guid for work in left for step in _steps(work)}
        ready = [clone_base_of(work) not in coming for work in left]
        yield [work for work, now in zip(left, ready, strict=True) if now or not any(ready)]
        left = [work for work, now in zip(left, ready, strict=True) if not now and any(ready)]


def lent(state: DatasetState, guids: Collection[int]) -> DatasetState:
    """`state` with the snapshots of these guids as good as cloned, so that nothing prunes them before they are."""
    if not guids:
        return state
    return replace(
        state, snapshots=Snapshots.of(replace(s, cloned=s.cloned or s.guid in guids) for s in state.snapshots)
    )


def clone_base_of(work: Work) -> int | None:
    """The guid of what a new clone starts from; None for everything else."""
    steps = _steps(work)
    if not steps or steps[0].base is None or (work.replica is not None and work.replica.snapshots):
        return None
    return steps[0].base.guid


def origin_waits(state: DatasetState, replica: str, stop: Conflict | Refused | None, *, failed: bool) -> Conflict:
    """A clone of what the job covers and this run does not send: in full it would take the origin's space again.

    `stop` is what stands in the origin's way; None where it is left out, because something of it `failed` or by choice.
    """
    name, origin = state.dataset.name, str(state.dataset.origin)
    parent = origin_name(origin)
    why, remedy = (
        "which this run leaves out",
        f"let the run send both: --dataset {quote(parent)} --dataset {quote(name)}",
    )
    if failed:
        why = "which this run leaves out, because something failed before its snapshot"
        remedy = f"see what the report says of {parent}; once that is mended, the next run sends both"
    if stop is not None:
        why = f"which is not sent either: {stop.reason}"
        remedy = f"mend that first: {stop.remedy}"
    return Conflict(
        source=name,
        replica=replica,
        code="origin-first",
        reason=f"it is a clone of {origin}, of which the box has nothing to start from, and {why}",
        remedy=remedy,
    )


def doubled(plan: DatasetPlan, state: DatasetState) -> Notice | None:
    """The notice for a clone that is sent in full."""
    full = isinstance(plan, FullSend | ResumeSend) and plan.steps[0].base is None
    origin = state.dataset.origin
    if not full or origin is None:
        return None
    return Notice(
        code="clone-in-full",
        subject=state.dataset.name,
        message=f"it is a clone of {origin}, of which the box has nothing that it could start from: it is sent in "
        "full, and takes there the space again that it shares with its origin here",
        remedy=f"if that is too much, leave it out, or let the job back up {origin_name(origin)} before it",
    )


def origin_name(origin: str) -> str:
    """The dataset of a snapshot's full name."""
    return origin.partition("@")[0]


def _steps(work: Work) -> Sequence[SendStep]:
    return work.plan.steps if isinstance(work.plan, Send) else ()


def _origins(state: DatasetState, datasets: Mapping[str, DatasetState]) -> list[str]:
    """The datasets that `state` is a clone of, the nearest first; the last one may be unknown."""
    found: list[str] = []
    origin = state.dataset.origin
    while origin is not None and origin_name(origin) not in found:
        found.append(origin_name(origin))
        parent = datasets.get(origin_name(origin))
        origin = parent.dataset.origin if parent else None
    return found


def _origin_of(origin: str | None, parent: DatasetState | None) -> Snapshot | None:
    """The snapshot with the full name `origin`, if `parent`, its dataset, has it."""
    return parent.snapshots.named(origin.partition("@")[2]) if origin and parent else None


def _ancestors(state: DatasetState, datasets: Mapping[str, DatasetState]) -> tuple[Version, ...]:
    found: list[Version] = []
    origin = state.dataset.origin
    for name in _origins(state, datasets):
        parent = datasets.get(name)
        began = _origin_of(origin, parent)
        if parent is None or began is None:
            break
        found += [v for v in parent.versions if v.createtxg <= began.createtxg]
        origin = parent.dataset.origin
    return tuple(sorted(found, key=lambda version: version.createtxg))
