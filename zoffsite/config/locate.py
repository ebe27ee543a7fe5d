"""Where in a TOML text each key stands: the parser of the standard library does not say.

The text has been accepted by `tomllib` before, so this scanner only has to tell keys from values (TOML 1.0).
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'  # closing quotes may follow up to two that belong to the text
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]+")


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """The line of `path`, or of the nearest table around it; a table without a header stands where its first key is."""
    for length in range(len(path), 0, -1):
        around = path[:length]
        if around in lines:
            return lines[around]
        if below := [line for key, line in lines.items() if key[:length] == around]:
            return min(below)
    return None


def key_lines(text: str) -> dict[Path, int]:
    """The line (from 1) of every table, key and array element of `text`; a table's first mention counts."""
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.starts = [0, *(index + 1 for index, char in enumerate(text) if char == "\n")]
        self.lines: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.assignment(table)
            self.skip(_BLANK)
        return self.lines

    def header(self) -> Path:
        """`[a.b]` or `[[a.b]]`: the path that the keys below belong to."""
        several = self.text.startswith("[[", self.at)
        start = self.at
        self.at += 2 if several else 1
        path = self.inside(self.key())
        self.at += 2 if several else 1
        if several:
            self.note(path, start)
            index = self.counts[path] = self.counts.get(path, -1) + 1
            path = (*path, index)
        self.note(path, start)
        return path

    def inside(self, path: Path) -> Path:
        """`path` with the index of the newest element wherever it goes through an array of tables."""
        found: Path = ()
        for number, part in enumerate(path):
            found = (*found, part)
            if found in self.counts and number < len(path) - 1:
                found = (*found, self.counts[found])
        return found

    def assignment(self, table: Path) -> None:
        start = self.at
        key = self.key()
        for length in range(1, len(key) + 1):
            self.note((*table, *key[:length]), start)
        self.at += 1  # the equals sign
        self.value((*table, *key))

    def key(self) -> Path:
        parts: Path = ()
        while True:
            self.skip(_SPACE)
            quoted = _STRING.match(self.text, self.at)
            match = quoted or _BARE.match(self.text, self.at)
            assert match is not None, "tomllib accepted this text"  # noqa: S101
            self.at = match.end()
            parts = (*parts, str(tomllib.loads(f"k = {match[0]}")["k"]) if quoted else match[0])
            self.skip(_SPACE)
            if not self.text.startswith(".", self.at):
                return parts
            self.at += 1

    def value(self, path: Path) -> None:
        self.skip(_SPACE)
        opening = self.text[self.at]
        if opening == "[":
            self.items(path, "]")
        elif opening == "{":
            self.items(path, "}")
        elif opening in "\"'":
            self.skip(_STRING)
        else:
            self.skip(_SCALAR)

    def items(self, path: Path, closing: str) -> None:
        """An array's elements or an inline table's keys, over as many lines as it takes."""
        self.at += 1
        index = 0
        self.skip(_BLANK)
        while self.text[self.at] != closing:
            if closing == "]":
                self.note((*path, index), self.at)
                self.value((*path, index))
                index += 1
            else:
                self.assignment(path)
            self.skip(_BLANK)
            if self.text[self.at] == ",":
                self.at += 1
                self.skip(_BLANK)
        self.at += 1

    def skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()

    def note(self, path: Path, at: int) -> None:
        self.lines.setdefault(path, bisect_right(self.starts, at))
