"""What both sides have: the GUID decides, never a name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zoffsite.model.family import ALONE, Family
from zoffsite.model.inventory import DatasetState
from zoffsite.model.version import Snapshot, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The box's newest snapshot, found on the source as `version`: what an incremental send can start from."""

    version: Version
    replica: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneBase:
    """The box has nothing of this dataset yet, but what it was cloned from: `replica` is a relative's snapshot."""

    version: Version
    replica: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingThere:
    """The box has no snapshot of this dataset, so only a full send leads there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diverged:
    """The source does not know the box's newest snapshot. Both lists, oldest first, for whoever has to explain it.

    `last_common` is the newest version of the source that the box has too, further back, if there is any.
    """

    source: tuple[Version, ...]
    replica: Sequence[Snapshot]
    last_common: Version | None

    @property
    def last_there(self) -> Snapshot | None:
        """The last common one as the box has it: on the source it may have another name, or be a bookmark only."""
        return next((s for s in self.replica if self.last_common and s.guid == self.last_common.guid), None)

    @property
    def unknown(self) -> Sequence[Snapshot]:
        """The box's snapshots that are newer than the last common one."""
        return self.replica if self.last_there is None else self.replica[self.replica.index(self.last_there) + 1 :]


CommonBase = Base | CloneBase | NothingThere | Diverged


def find_base(source: DatasetState, replica: DatasetState | None, family: Family = ALONE) -> CommonBase:
    """What a send can start from. ZFS takes an incremental on top of a replica's NEWEST snapshot only.

    A snapshot of the source is preferred to a bookmark of the same guid. The versions of the datasets that this one
    was cloned from are its own past: after `zfs promote` the base may be among them.
    """
    if replica is None or replica.newest is None:
        return next(reversed(clone_bases(source, family)), NothingThere())
    base = known_version(source, family, replica.newest.guid)
    if base is not None:
        return Base(version=base, replica=replica.newest)
    known = _by_guid((*family.ancestors, *_versions(source)))
    last_common = next((known[s.guid] for s in reversed(replica.snapshots) if s.guid in known), None)
    return Diverged(source=_versions(source), replica=replica.snapshots, last_common=last_common)


def clone_bases(source: DatasetState, family: Family) -> tuple[CloneBase, ...]:
    """Every version from which a replica can be made as a clone of a relative's, oldest first."""
    if not family.there:
        return ()
    known = _by_guid((*family.ancestors, *_versions(source)))
    shared = sorted((v for v in known.values() if v.guid in family.there), key=lambda version: version.createtxg)
    return tuple(CloneBase(version=version, replica=family.there[version.guid]) for version in shared)


def known_version(source: DatasetState, family: Family, guid: int) -> Version | None:
    """What the source has of this guid, in the dataset or in what it was cloned from.

    Without a look at every snapshot, for there may be many: what `_by_guid` of all of them would give.
    """
    return source.snapshots.find(guid) or _by_guid((*family.ancestors, *source.bookmarks)).get(guid)


def _by_guid(versions: Iterable[Version]) -> dict[int, Version]:
    found = dict[int, Version]()
    for version in versions:
        if isinstance(version, Snapshot) or version.guid not in found:
            found[version.guid] = version
    return found


def _versions(source: DatasetState) -> tuple[Version, ...]:
    return tuple(sorted(source.versions, key=lambda version: version.createtxg))
