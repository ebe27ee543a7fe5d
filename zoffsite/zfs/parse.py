"""Read listings. What comes from the box is hostile, so every field has one allowed shape and everything has a bound.

What does not fit raises OperationError "malformed-answer", with a short and escaped excerpt of the offending line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from zoffsite.model.dataset import CHOICE, Dataset, KeyStatus, Kind
from zoffsite.model.inventory import DatasetState, Inventory
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.version import Bookmark
from zoffsite.zfs.argv import check_token
from zoffsite.zfs.gathering import Budget, Gathering, split
from zoffsite.zfs.malformed import MalformedError
from zoffsite.zfs.names import is_dataset, split_version
from zoffsite.zfs.rows import LATEST, Row, lines_of, row_of, take_each

MOST_KEPT = 1 << 30
"""Bytes of memory that a listing may take: some ten million snapshots; one that long takes a day to make."""

LONGEST_CHOICE = 1024

_KEY_STATUS = {"available": KeyStatus.AVAILABLE, "unavailable": KeyStatus.UNAVAILABLE, "-": KeyStatus.NONE}


def parse_inventory(text: str, host: str) -> Inventory:
    """As `read_inventory`, where all has come already."""
    return read_inventory(lines_of(text), host)


def read_inventory(lines: Iterable[str], host: str, budget: Budget | None = None) -> Inventory:
    """The listing that `argv.list_inventory` asks for, line by line. `host` is the label that errors name.

    Raises OperationError "malformed-answer", also when it is more than `budget` (else: MOST_KEPT) allows.
    """
    reading = _Reading(budget or Budget(MOST_KEPT))
    take_each(lines, host, reading.take)
    return Inventory(host=host, datasets={name: reading.state(name, host) for name in sorted(reading.datasets)})


def read_snapshots(
    lines: Iterable[str], host: str, asked: Collection[str] | None = None, budget: Budget | None = None
) -> dict[str, Snapshots]:
    """The listing that `argv.list_snapshots` or `argv.list_snapshots_of` asks for, by dataset.

    `asked` are the only datasets that may be there, where they are known. Raises what `read_inventory` raises.
    """
    found: dict[str, Gathering] = {}
    left = budget or Budget(MOST_KEPT)

    def take(line: str) -> None:
        row = row_of(line)
        if row["type"] != "snapshot":
            raise MalformedError("not a snapshot")
        dataset, name = split(row, "@")
        if asked is not None and dataset not in asked:
            raise MalformedError("not a snapshot that was asked for")
        if dataset not in found:
            left.dataset(row)
            found[dataset] = Gathering(dataset)
        found[dataset].add(left.snapshot(name), row)

    take_each(lines, host, take)
    return {dataset: gathered.finish(host) for dataset, gathered in found.items()}


class _Reading:
    """A listing while it is being read."""

    def __init__(self, budget: Budget) -> None:
        self.datasets: dict[str, Dataset] = {}
        self._snapshots: dict[str, Gathering] = {}
        self._bookmarks: dict[str, dict[str, Bookmark]] = {}
        self._budget = budget

    def take(self, line: str) -> None:
        """One more line."""
        row = row_of(line)
        match row["type"]:
            case "snapshot":
                dataset, name = self._split(row, "@")
                self._snapshots[dataset].add(self._budget.snapshot(name), row)
            case "bookmark":
                dataset, name = self._split(row, "#")
                self._budget.bookmark(name)
                if name in self._bookmarks[dataset]:
                    raise MalformedError("the same name twice")
                self._bookmarks[dataset][name] = _bookmark(dataset, name, row)
            case "filesystem" | "volume":
                self._begin(_dataset(row), row)
            case _:
                raise MalformedError("type is none of filesystem, volume, snapshot, bookmark")

    def _begin(self, dataset: Dataset, row: Row) -> None:
        if dataset.name in self.datasets:
            raise MalformedError("the same name twice")
        self._budget.dataset(row)
        self.datasets[dataset.name] = dataset
        self._snapshots[dataset.name] = Gathering(dataset.name)
        self._bookmarks[dataset.name] = {}

    def _split(self, row: Row, mark: str) -> tuple[str, str]:
        """`zfs list` shows a dataset before what belongs to it."""
        dataset, name = split(row, mark)
        if dataset not in self.datasets:
            raise MalformedError("a version of a dataset that was not listed")
        return dataset, name

    def state(self, name: str, host: str) -> DatasetState:
        """A dataset, once all is read. What was gathered of it is let go."""
        bookmarks = self._bookmarks.pop(name).values()
        return DatasetState(
            dataset=self.datasets[name],
            snapshots=self._snapshots.pop(name).finish(host),
            bookmarks=tuple(sorted(bookmarks, key=lambda b: (b.createtxg, b.creation, b.name))),
        )


def _dataset(row: Row) -> Dataset:
    root, token = row["encryptionroot"], row["receive_resume_token"]
    if not is_dataset(row["name"]) or not (root == "-" or is_dataset(root)):
        raise MalformedError("not a dataset's name")
    if row["keystatus"] not in _KEY_STATUS:
        raise MalformedError("keystatus is neither available nor unavailable")
    encryption = row["encryption"]
    if not (encryption.isascii() and encryption.replace("-", "").isalnum() and len(encryption) <= 32):
        raise MalformedError("encryption is not the name of a cipher")
    if token != "-":  # noqa: S105 - what an absent token looks like
        check_token(token)
    origin, choice = row["origin"], row[CHOICE]
    if not (origin == "-" or split_version(origin, "@")) or len(choice) > LONGEST_CHOICE or not choice.isprintable():
        raise MalformedError(f"origin is not a snapshot's name, or {CHOICE} is no plain text")
    return Dataset(
        name=row["name"],
        guid=row.number("guid", least=1),
        kind=Kind(row["type"]),
        encryption=encryption,
        encryptionroot=None if root == "-" else root,
        keystatus=_KEY_STATUS[row["keystatus"]],
        mounted=row.boolean("mounted"),
        readonly=row.boolean("readonly"),
        written=row.number("written"),
        used=row.number("used"),
        available=row.number("available"),
        referenced=row.number("referenced"),
        resume_token=None if token == "-" else token,  # noqa: S105 - what an absent token looks like
        origin=None if origin == "-" else origin,
        choice="" if choice == "-" else choice,
    )


def _bookmark(dataset: str, name: str, row: Row) -> Bookmark:
    return Bookmark(
        dataset=dataset,
        name=name,
        guid=row.number("guid", least=1),
        createtxg=row.number("createtxg"),
        creation=row.number("creation", most=LATEST),
    )
