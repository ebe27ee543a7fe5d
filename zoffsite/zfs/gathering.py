"""Snapshots as their rows come, into columns; and how much of a listing may be kept in memory."""

from __future__ import annotations

from array import array
from itertools import pairwise
from sys import intern

from zoffsite.model.snapshots import Snapshots
from zoffsite.zfs.malformed import MalformedError, malformed_answer
from zoffsite.zfs.names import split_version
from zoffsite.zfs.rows import LATEST, Row

MOST_OF_ONE = 500_000
"""Snapshots of one dataset: to put them in order takes as much memory again."""
MOST_HOLDS = 2**32 - 1

_SNAPSHOT, _BOOKMARK, _NAME, _DATASET = 96, 512, 288, 3072
"""Bytes that a snapshot, a bookmark, a name that is new, and a dataset take while they are read, texts aside."""


class Budget:
    """The memory that a listing may take, in bytes: a host that says more is refused before it has taken it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = most

    def dataset(self, row: Row) -> None:
        """Account for a dataset."""
        self._spend(_DATASET + sum(map(len, row.fields)))

    def snapshot(self, name: str) -> str:
        """Account for a snapshot; returns the one string that is the name of all that were taken together."""
        shared = intern(name)
        self._spend(_SNAPSHOT + (_NAME + len(name) if shared is name else 0))
        return shared

    def bookmark(self, name: str) -> None:
        """Account for a bookmark."""
        self._spend(_BOOKMARK + len(name))

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise MalformedError(f"more datasets and snapshots than {self._most >> 20} MiB have room for")


class Gathering:
    """The snapshots of one dataset while their listing is being read."""

    def __init__(self, dataset: str) -> None:
        self._dataset = dataset
        self._names: list[str] = []
        self._guids, self._createtxgs, self._creations = array("Q"), array("Q"), array("Q")
        self._written, self._referenced = array("Q"), array("Q")
        self._holds, self._cloned = array("I"), array("B")

    def add(self, name: str, row: Row) -> None:
        """One more; `name` is the part after the `@`."""
        if len(self._names) == MOST_OF_ONE:
            raise MalformedError(f"more than {MOST_OF_ONE} snapshots of one dataset")
        self._guids.append(row.number("guid", least=1))
        self._createtxgs.append(row.number("createtxg"))
        self._creations.append(row.number("creation", most=LATEST))
        self._written.append(row.number("written"))
        self._referenced.append(row.number("referenced"))
        self._holds.append(row.number("userrefs", most=MOST_HOLDS))
        self._cloned.append(row.number("numclones") > 0)
        self._names.append(name)

    def finish(self, host: str) -> Snapshots:
        """All of them, oldest first. OperationError "malformed-answer" where two have one name or one guid."""
        with malformed_answer(host, self._dataset):
            if len(set(self._names)) != len(self._names):
                raise MalformedError("the same name twice")
            if len(set(self._guids)) != len(self._guids):
                raise MalformedError("two snapshots of one dataset with the same guid")
        numbers = (self._guids, self._createtxgs, self._creations, self._written, self._referenced)
        found = Snapshots(self._dataset, tuple(self._names), *numbers, self._holds, self._cloned)
        if all(early < late for early, late in pairwise(self._createtxgs)):
            return found[:]  # a copy, without the room to grow
        return found.pick(sorted(range(len(found)), key=self._age))

    def _age(self, place: int) -> tuple[int, int, str]:
        return self._createtxgs[place], self._creations[place], self._names[place]


def split(row: Row, mark: str) -> tuple[str, str]:
    """The dataset's name and the version's."""
    parts = split_version(row["name"], mark)
    if parts is None:
        raise MalformedError(f"not a {row['type']}'s name")
    return parts
