"""The lines of a listing, and the values in them: each column has one allowed shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from zoffsite.model.errors import SettingsError
from zoffsite.zfs.argv import COLUMNS, LONGEST_TOKEN
from zoffsite.zfs.malformed import MalformedError, malformed

MAX_LINE = LONGEST_TOKEN + 4096
"""Characters of one line."""
LATEST = 253_402_300_799
"""The last second of the year 9999: no calendar goes further."""
LARGEST = 2**64 - 1

_PLACES = {column: place for place, column in enumerate(COLUMNS)}
_BOOLEANS = {"yes": True, "on": True, "no": False, "off": False, "-": False}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a listing, by its columns."""

    fields: list[str]

    def __getitem__(self, column: str) -> str:
        return self.fields[_PLACES[column]]

    def number(self, column: str, *, least: int = 0, most: int = LARGEST) -> int:
        """The column as a number from `least` to `most`."""
        text = self.fields[_PLACES[column]]
        if text.isascii() and text.isdigit() and len(text) <= 20:
            value = int(text)
            if least <= value <= most:
                return value
        raise MalformedError(f"{column} is not a number from {least} to {most}")

    def boolean(self, column: str) -> bool:
        """The column as yes or no, however zfs says it."""
        if self[column] not in _BOOLEANS:
            raise MalformedError(f"{column} is neither yes nor no")
        return _BOOLEANS[self[column]]


def row_of(line: str) -> Row:
    """One line of the listings that `argv` asks for."""
    if len(line) > MAX_LINE:
        raise MalformedError(f"a line of more than {MAX_LINE} characters")
    fields = line.split("\t")
    if len(fields) != len(COLUMNS):
        raise MalformedError(f"{len(fields)} columns instead of {len(COLUMNS)}")
    return Row(fields)


def lines_of(text: str) -> Iterator[str]:
    """One line at a time; of one that is too long only as much as shows that it is."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start : min(end, start + MAX_LINE + 1)]
        start = end + 1


def take_each(lines: Iterable[str], host: str, take: Callable[[str], object]) -> None:
    """Give every line to `take`. OperationError "malformed-answer", which shows the line, for one that it refuses."""
    for line in lines:
        try:
            take(line)
        except (MalformedError, SettingsError) as error:
            raise malformed(host, line, error) from None
