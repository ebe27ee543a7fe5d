"""The locator is checked against an independent account: TOML is written line by line, noting where each key went."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from zoffsite.config.locate import key_lines, line_of

EXAMPLE = Path(__file__).parents[2] / "zoffsite.example.toml"
KEYS = st.text("ab-_9", min_size=1, max_size=3) | st.sampled_from(["a b", 'q"', "dot.ted", "é", "#", "[x]", ""])
TEXTS = st.text(st.sampled_from("ab \"'\\#[]{},=.\n\té"), max_size=8)


class Raw(str):
    """A value that is written as it is."""

    __slots__ = ()


SCALARS = TEXTS | st.integers(-9, 10**6) | st.booleans() | st.sampled_from([Raw("1979-05-27 07:32:00"), Raw("1.5e3")])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


class Writer:
    """Writes TOML and remembers the line of everything it wrote."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.text = ""
        self.lines: dict[tuple[str | int, ...], int] = {}

    @property
    def line(self) -> int:
        return self.text.count("\n") + 1

    def choose(self, *options: str) -> str:
        return self.data.draw(st.sampled_from(options))

    def key(self, key: str) -> None:
        bare = key and all(char.isascii() and (char.isalnum() or char in "-_") for char in key)
        self.text += self.choose(key, json.dumps(key)) if bare else json.dumps(key)

    def assignment(self, path: tuple[str | int, ...], value: Any) -> None:
        self.lines[path] = self.line
        self.key(str(path[-1]))
        self.text += self.choose("=", " = ")
        self.value(path, value)

    def value(self, path: tuple[str | int, ...], value: Any) -> None:
        if isinstance(value, dict):
            self.text += "{ "
            for number, (key, inner) in enumerate(value.items()):
                self.text += ", " if number else ""
                self.assignment((*path, key), inner)
            self.text += " }"
        elif isinstance(value, list):
            self.text += "["
            for index, inner in enumerate(value):
                self.text += self.choose("", "\n", " # , ] \" '\n\n  ")
                self.lines[(*path, index)] = self.line
                self.value((*path, index), inner)
                self.text += self.choose(",", " ,\n", "\n,")
            self.text += "]"
        elif isinstance(value, bool):
            self.text += str(value).lower()
        elif isinstance(value, str) and type(value) is str:
            self.string(value)
        else:
            self.text += str(value)

    def string(self, value: str) -> None:
        styles = [json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")]
        if not set(value) & set("'\n"):
            styles.append(f"'{value}'")
        if "'" not in value:
            styles.append(f"'''\n{value}'''")
        styles.append(
            '"""' + value.replace("\\", "\\\\").replace('""', '"\\"') + ('"""' if value[-1:] != '"' else '\\n"""')
        )
        self.text += self.choose(*styles)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=3), max_size=4), st.data())
def test_every_key_is_found_on_the_line_where_it_was_written(
    tables: dict[str, dict[str, Any]], data: st.DataObject
) -> None:
    writer = Writer(data)
    for name, table in tables.items():
        writer.text += writer.choose("", "\n", "# [a] b = 1\n", " \t")
        writer.lines[(name,)] = writer.line
        writer.text += "["
        writer.key(name)
        writer.text += writer.choose("]\n", "] # text\n", "]\n\n")
        for key, value in table.items():
            writer.assignment((name, key), value)
            writer.text += writer.choose("\n", " # text\n", "\n\n")
    tomllib.loads(writer.text)  # the writer itself must write TOML
    assert key_lines(writer.text) == writer.lines


def test_dotted_keys_nested_tables_and_arrays_of_tables_are_found() -> None:
    text = 'a.b."c d" = 1\n[x.y]\nz.w = 2\n[[many]]\nk = 1\n[[many]]\nk = 2\n[many.sub]\nk = 3\n'
    lines = key_lines(text)
    assert lines[("a", "b", "c d")] == 1
    assert lines[("x", "y", "z", "w")] == 3
    assert lines[("many", 0, "k")] == 5
    assert lines[("many", 1, "k")] == 7
    assert lines[("many", 1, "sub", "k")] == 9


def test_a_key_that_is_absent_is_looked_for_in_the_table_around_it() -> None:
    lines = key_lines("\n[a.b]\nc = 1\n")
    assert line_of(lines, ("a", "b", "missing")) == 2
    assert line_of(lines, ("a", "missing")) == 2
    assert line_of(lines, ("nowhere",)) is None


def test_every_key_of_the_example_file_is_found_on_its_line() -> None:
    text = EXAMPLE.read_text()
    found = key_lines(text)
    for number, line in enumerate(text.split("\n"), 1):
        if line and line[0].isalpha():
            assert line.split(" ")[0] in {path[-1] for path, at in found.items() if at == number}
        if line.startswith("["):
            assert found[tuple(line.split("]")[0][1:].split("."))] == number
