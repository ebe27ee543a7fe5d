"""The snapshots of one dataset, in columns: a fifth of the memory that as many objects would take."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from zoffsite.model.version import Snapshot

BYTES = 53
"""What one takes in the columns, with the reference to its name."""


class Snapshots(Sequence[Snapshot]):
    """Snapshots of ONE dataset, in their order; each is an object only while somebody looks at it.

    A column has a value for each snapshot: BYTES in all, and the name, which all that were taken together share.
    Columns are for reading. No dataclass: what walks through all values (as Prefect does) should meet one, not many.
    """

    __slots__ = (
        "cloned",
        "createtxgs",
        "creations",
        "dataset",
        "guids",
        "holds",
        "names",
        "referenced",
        "written",
    )

    def __init__(
        self,
        dataset: str,
        names: tuple[str, ...],
        guids: array[int],
        createtxgs: array[int],
        creations: array[int],
        written: array[int],
        referenced: array[int],
        holds: array[int],
        cloned: array[int],
    ) -> None:
        self.dataset = dataset
        self.names = names
        self.guids = guids
        self.createtxgs = createtxgs
        self.creations = creations
        self.written = written
        self.referenced = referenced
        self.holds = holds
        self.cloned = cloned

    @classmethod
    def of(cls, snapshots: Iterable[Snapshot]) -> Snapshots:
        """Those given, in their order. ValueError for snapshots of several datasets."""
        given = tuple(snapshots)
        datasets = {each.dataset for each in given}
        if len(datasets) > 1:
            raise ValueError(f"snapshots of {len(datasets)} datasets")
        return cls(
            next(iter(datasets), ""),
            tuple(each.name for each in given),
            array("Q", [each.guid for each in given]),
            array("Q", [each.createtxg for each in given]),
            array("Q", [each.creation for each in given]),
            array("Q", [each.written for each in given]),
            array("Q", [each.referenced for each in given]),
            array("I", [each.holds for each in given]),
            array("B", [each.cloned for each in given]),
        )

    def pick(self, places: Sequence[int]) -> Snapshots:
        """Those at `places`, in the order of these."""
        return Snapshots(
            self.dataset,
            tuple(self.names[place] for place in places),
            *(array(column.typecode, [column[place] for place in places]) for column in self.numbers),
        )

    def plus(self, more: Iterable[Snapshot]) -> Snapshots:
        """These, and then `more` of the same dataset."""
        others = Snapshots.of(more)
        if not self.names or not others.names:
            return self if self.names else others
        if others.dataset != self.dataset:
            raise ValueError("snapshots of another dataset")
        columns = (mine + others_ for mine, others_ in zip(self.numbers, others.numbers, strict=True))
        return Snapshots(self.dataset, self.names + others.names, *columns)

    def after(self, createtxg: int) -> Snapshots:
        """Those that are younger than this; these must be in the order of their createtxg."""
        return self[bisect_right(self.createtxgs, createtxg) :]

    def shared_with(self, others: Snapshots) -> Snapshots:
        """Those of these that are among `others`, too, by GUID."""
        theirs = set(others.guids)
        return self.pick([place for place, guid in enumerate(self.guids) if guid in theirs])

    def find(self, guid: int) -> Snapshot | None:
        """The one with this guid."""
        return self[self.guids.index(guid)] if guid in self.guids else None

    def named(self, name: str) -> Snapshot | None:
        """The one with this name."""
        return self[self.names.index(name)] if name in self.names else None

    @overload
    def __getitem__(self, place: int) -> Snapshot: ...

    @overload
    def __getitem__(self, place: slice) -> Snapshots: ...

    def __getitem__(self, place: int | slice) -> Snapshot | Snapshots:
        if isinstance(place, slice):
            return Snapshots(self.dataset, self.names[place], *(column[place] for column in self.numbers))
        return Snapshot(
            dataset=self.dataset,
            name=self.names[place],
            guid=self.guids[place],
            createtxg=self.createtxgs[place],
            creation=self.creations[place],
            written=self.written[place],
            referenced=self.referenced[place],
            holds=self.holds[place],
            cloned=bool(self.cloned[place]),
        )

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Snapshot]:
        for name, guid, txg, creation, written, referenced, holds, cloned in zip(
            self.names, *self.numbers, strict=True
        ):
            yield Snapshot(
                dataset=self.dataset,
                name=name,
                guid=guid,
                createtxg=txg,
                creation=creation,
                written=written,
                referenced=referenced,
                holds=holds,
                cloned=bool(cloned),
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Snapshots):
            return NotImplemented
        same = (self.names, self.numbers) == (other.names, other.numbers)
        return same and (self.dataset == other.dataset or not self.names)

    def __hash__(self) -> int:
        return hash(self.names)

    def __repr__(self) -> str:
        return f"Snapshots.of({list(self)})"

    @property
    def numbers(self) -> tuple[array[int], ...]:
        """All columns but the names, in the order in which the constructor takes them."""
        return (
            self.guids,
            self.createtxgs,
            self.creations,
            self.written,
            self.referenced,
            self.holds,
            self.cloned,
        )


NO_SNAPSHOTS = Snapshots.of(())
