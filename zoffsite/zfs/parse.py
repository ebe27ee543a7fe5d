"""Read listings. What comes from the box is hostile, so every field has one allowed shape and everything has a bound.

What does not fit raises OperationError "malformed-answer", with a short and escaped excerpt of the offending line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from sys import intern

from zoffsite.model.dataset import CHOICE, Dataset, KeyStatus, Kind
from zoffsite.model.inventory import DatasetState, Inventory
from zoffsite.model.version import Bookmark, Snapshot
from zoffsite.zfs.argv import COLUMNS, LONGEST_TOKEN, check_token
from zoffsite.zfs.malformed import MalformedError, malformed_answer
from zoffsite.zfs.names import is_dataset, split_version

MAX_LINE = LONGEST_TOKEN + 4096
MAX_LINES = 2_000_000
"""About ten years of hourly snapshots of twenty datasets; a listing that long takes hours to make."""

LONGEST_CHOICE = 1024

_LARGEST = 2**64 - 1
_LATEST = 253_402_300_799  # the last second of the year 9999: no calendar goes further

_BOOLEANS = {"yes": True, "on": True, "no": False, "off": False, "-": False}
_KEY_STATUS = {"available": KeyStatus.AVAILABLE, "unavailable": KeyStatus.UNAVAILABLE, "-": KeyStatus.NONE}


@dataclass(slots=True)
class _Found:
    """A dataset while its listing is being read."""

    dataset: Dataset
    snapshots: list[Snapshot] = field(default_factory=list)
    bookmarks: list[Bookmark] = field(default_factory=list)


def parse_inventory(text: str, host: str, *, max_line: int = MAX_LINE, max_lines: int = MAX_LINES) -> Inventory:
    """The listing that `argv.list_inventory` asks for. `host` is the label that errors name.

    Raises OperationError "malformed-answer".
    """
    found: dict[str, _Found] = {}
    seen: set[str] = set()
    for row in _rows(text, host, max_line, max_lines):
        with malformed_answer(host, row.line):
            if row["name"] in seen:
                raise MalformedError("the same name twice")
            seen.add(row["name"])
            _add(found, row)
    return Inventory(host=host, datasets={name: _finish(found[name], host) for name in sorted(found)})


def parse_snapshots(
    text: str, host: str, *, max_line: int = MAX_LINE, max_lines: int = MAX_LINES
) -> tuple[Snapshot, ...]:
    """The listing that `argv.list_snapshots` asks for, in its own order. Raises OperationError "malformed-answer"."""
    snapshots: dict[str, Snapshot] = {}
    for row in _rows(text, host, max_line, max_lines):
        with malformed_answer(host, row.line):
            if row["type"] != "snapshot" or row["name"] in snapshots:
                raise MalformedError("not a list of different snapshots")
            snapshots[row["name"]] = _snapshot(row)
    return tuple(snapshots.values())


@dataclass(frozen=True, slots=True)
class _Row:
    line: str
    fields: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.fields[column]

    def number(self, column: str, *, least: int = 0, most: int = _LARGEST, absent: int | None = None) -> int:
        """The column as a number; `absent` is what "-" means, if it is allowed."""
        text = self.fields[column]
        if text == "-" and absent is not None:
            return absent
        if not (text.isascii() and text.isdigit() and len(text) <= 20 and least <= int(text) <= most):
            raise MalformedError(f"{column} is not a number from {least} to {most}")
        return int(text)

    def boolean(self, column: str) -> bool:
        if self.fields[column] not in _BOOLEANS:
            raise MalformedError(f"{column} is neither yes nor no")
        return _BOOLEANS[self.fields[column]]


def _rows(text: str, host: str, max_line: int, max_lines: int) -> Iterator[_Row]:
    with malformed_answer(host, text):  # before a single one is read: what a line becomes takes ten times its memory
        if text.count("\n") + (text[-1:] not in ("", "\n")) > max_lines:
            raise MalformedError(f"more than {max_lines} lines")
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line = text[start : min(end, start + max_line + 1)]
        with malformed_answer(host, line):
            if len(line) > max_line:
                raise MalformedError(f"a line of more than {max_line} characters")
            fields = line.split("\t")
            if len(fields) != len(COLUMNS):
                raise MalformedError(f"{len(fields)} columns instead of {len(COLUMNS)}")
        yield _Row(line, dict(zip(COLUMNS, fields, strict=True)))
        start = end + 1


def _add(found: dict[str, _Found], row: _Row) -> None:
    match row["type"]:
        case "filesystem" | "volume":
            found[row["name"]] = _Found(_dataset(row))
        case "snapshot":
            snapshot = _snapshot(row)
            _parent(found, snapshot.dataset).snapshots.append(snapshot)
        case "bookmark":
            bookmark = _bookmark(row)
            _parent(found, bookmark.dataset).bookmarks.append(bookmark)
        case _:
            raise MalformedError("type is none of filesystem, volume, snapshot, bookmark")


def _parent(found: dict[str, _Found], dataset: str) -> _Found:
    """`zfs list` shows a dataset before what belongs to it."""
    if dataset not in found:
        raise MalformedError("a version of a dataset that was not listed")
    return found[dataset]


def _dataset(row: _Row) -> Dataset:
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


def _snapshot(row: _Row) -> Snapshot:
    dataset, name = _split(row, "@")
    return Snapshot(
        dataset=dataset,
        name=name,
        guid=row.number("guid", least=1),
        createtxg=row.number("createtxg"),
        creation=row.number("creation", most=_LATEST),
        written=row.number("written"),
        referenced=row.number("referenced"),
        holds=row.number("userrefs"),
        cloned=row.number("numclones") > 0,
    )


def _bookmark(row: _Row) -> Bookmark:
    dataset, name = _split(row, "#")
    return Bookmark(
        dataset=dataset,
        name=name,
        guid=row.number("guid", least=1),
        createtxg=row.number("createtxg"),
        creation=row.number("creation", most=_LATEST),
    )


def _split(row: _Row, mark: str) -> tuple[str, str]:
    """The dataset's name, one string for all its versions, and the version's."""
    parts = split_version(row["name"], mark)
    if parts is None:
        raise MalformedError(f"not a {row['type']}'s name")
    return intern(parts[0]), parts[1]


def _finish(found: _Found, host: str) -> DatasetState:
    guids = {snapshot.guid for snapshot in found.snapshots}
    with malformed_answer(host, found.dataset.name):
        if len(guids) != len(found.snapshots):
            raise MalformedError("two snapshots of one dataset with the same guid")
    return DatasetState(
        dataset=found.dataset,
        snapshots=tuple(sorted(found.snapshots, key=lambda s: (s.createtxg, s.creation, s.name))),
        bookmarks=tuple(sorted(found.bookmarks, key=lambda b: (b.createtxg, b.creation, b.name))),
    )
