"""Two sides of a dataset, drawn at random: everything that its versions can have been through.

Each version may be a snapshot on the source, also under another name than on the box; have bookmarks of this job, of
another job, of a person; be gone; be on the box, there perhaps under the name that another version has here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job, Selection, SnapshotWhen
from zoffsite.model.version import Bookmark, Snapshot, Version

from .make import NOON, OURS, REPLICA, SOURCE, job, replica, source

NAMES = {
    "ours": OURS,
    "another job's": "zoffsite-home-more-2026-11-{:02d}T03:00:00Z",
    "sanoid's": "autosnap_2026-11-{:02d}_00:00:00_daily",
    "zrepl's": "zrepl_{:02d}",
    "a person's": "before-upgrade-{:02d}",
}
"""The names of snapshots by whose they are; the number makes them different."""

PATTERNS = {"autosnap_*": "sanoid's", "before-*": "a person's"}
"""Patterns that a job can name, each with whose snapshots it means."""

MARKS = ("zoffsite-home-{:016x}", "zoffsite-other-{:016x}", "zoffsite-home-more-{:016x}", "keep-{:x}")
MOST = 12


@dataclass(frozen=True, slots=True)
class World:
    """`whose` says, for each snapshot of the source by its guid, a key of NAMES. Both states are in order."""

    source: DatasetState
    replica: tuple[Snapshot, ...]
    whose: dict[int, str]

    @property
    def versions(self) -> tuple[Version, ...]:
        """All that the source has."""
        return (*self.source.snapshots, *self.source.bookmarks)

    @property
    def known(self) -> set[int]:
        """The guids that the source has, as snapshot or bookmark."""
        return {version.guid for version in self.versions}

    @property
    def newest(self) -> Snapshot | None:
        """The box's newest snapshot."""
        return self.replica[-1] if self.replica else None

    def box(self, **changes: object) -> DatasetState:
        """The replica as it must be, but for the changes."""
        return replica(*self.replica, **changes)

    def after(self, guid: int | None) -> list[Snapshot]:
        """The source's snapshots that are younger than the version with this guid; all of them for None."""
        txgs = {version.guid: version.createtxg for version in self.versions}
        return [s for s in self.source.snapshots if guid is None or s.createtxg > txgs[guid]]

    def wanted(self, chosen: Job, guid: int | None) -> list[Snapshot]:
        """What `chosen` sends of those that are younger, by whose they are and never by their names."""
        whose = {"ours", *(PATTERNS[pattern] for pattern in chosen.selection_patterns)}
        if chosen.selection is Selection.ALL or all_are_meant(chosen):
            whose = set(NAMES)
        newer = [s for s in self.after(guid) if self.whose[s.guid] in whose]
        return newer[-1:] if chosen.selection is Selection.LATEST else newer


def all_are_meant(chosen: Job) -> bool:
    """The newest of all, where the job makes none and names none."""
    never = chosen.snapshot_when is SnapshotWhen.NEVER and not chosen.selection_patterns
    return never and chosen.selection is Selection.LATEST


jobs = st.builds(
    job,
    selection=st.sampled_from(Selection),
    selection_patterns=st.lists(st.sampled_from(sorted(PATTERNS)), unique=True).map(tuple),
    snapshot_when=st.sampled_from(SnapshotWhen),
)


@dataclass(frozen=True, slots=True)
class _Version:
    """One version, before it has a place: `there` is the name on the box, None where the box has it not."""

    guid: int
    here: bool
    whose: str
    marks: tuple[str, ...]
    there: str | None
    gap: int
    written: int
    held: bool


_versions = st.builds(
    _Version,
    guid=st.integers(1, 2**64 - 1),
    here=st.sampled_from([True, True, False]),
    whose=st.just("ours") | st.sampled_from(sorted(NAMES)),
    marks=st.lists(st.sampled_from(MARKS), unique=True, max_size=2).map(tuple),
    there=st.sampled_from(["same", "same", "renamed", "of another", None]),
    gap=st.integers(1, 1000),
    written=st.just(0) | st.integers(0, 10**12),
    held=st.booleans(),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any two sides of up to MOST versions; the box may be behind by any number of them."""
    least = draw(st.sampled_from([0, 3, MOST // 2]))
    versions = draw(st.lists(_versions, min_size=least, max_size=MOST, unique_by=lambda version: version.guid))
    reached = draw(st.integers(0, len(versions)))
    behind = [replace(version, there=None) for version in versions[reached:]]
    return _world([*versions[:reached], *behind], draw(st.integers(0, 10**6)))


def _world(versions: Sequence[_Version], start: int) -> World:
    snapshots, bookmarks, there = [], [], []
    txg = start
    for number, version in enumerate(versions, 1):
        txg += version.gap
        if version.here:
            snapshots.append(_snapshot(SOURCE, _name(version, number), version, txg, number))
        bookmarks += [_bookmark(pattern.format(version.guid), version, txg, number) for pattern in version.marks]
        if version.there is not None:
            there.append(_snapshot(REPLICA, _name_there(versions, number), version, 7 * txg + 1, number))
    whose = {version.guid: version.whose for version in versions}
    return World(source(*snapshots, bookmarks=bookmarks), tuple(there), whose)


def _name(version: _Version, number: int) -> str:
    return NAMES[version.whose].format(number)


def _name_there(versions: Sequence[_Version], number: int) -> str:
    """The name on the box: different for every version, and "of another" one's name on the source where it can be."""
    version = versions[number - 1]
    if version.there == "renamed":
        return f"was-{number}"
    follower = versions[number % len(versions)]
    if version.there == "of another" and follower.there != "same":
        return _name(follower, 1 + number % len(versions))
    return _name(version, number) if version.there == "same" else f"was-{number}"


def _snapshot(dataset: str, name: str, version: _Version, txg: int, number: int) -> Snapshot:
    return Snapshot(
        dataset=dataset,
        name=name,
        guid=version.guid,
        createtxg=txg,
        creation=NOON + 3600 * number,
        written=version.written,
        referenced=version.written + number,
        holds=int(version.held),
    )


def _bookmark(name: str, version: _Version, txg: int, number: int) -> Bookmark:
    return Bookmark(dataset=SOURCE, name=name, guid=version.guid, createtxg=txg, creation=NOON + 3600 * number)
