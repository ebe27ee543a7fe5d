"""Reads zoffsite.toml, with the line of every key."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoffsite.config.locate import key_lines, line_of
from zoffsite.config.mistakes import Problem
from zoffsite.config.sources import Loc

_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_LARGEST = 1024 * 1024
SECRETS = ("notify_urls", "ping_url")
"""The keys, at the top or of a job, that must not stand in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TomlFile:
    """The file's tables, and the line of each key. A file that cannot be read has no data but a problem."""

    data: dict[str, Any]
    lines: dict[Loc, int]
    problems: tuple[Problem, ...] = ()


def read_toml(path: Path) -> TomlFile:
    """What `path` holds; secrets in it are taken out and reported."""
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST).decode("utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not a UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error.strerror)
        return _unreadable(path, None, f"it cannot be read: {reason}", f"ls -l {path}")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        last = text.count("\n") + 1
        place = _PLACE.search(str(error))
        line = last if place is None or place[1] is None else int(place[1])
        reason = _plain(_PLACE.sub("", str(error)))
        return _unreadable(path, line, f"this is not TOML: {reason}", "https://toml.io shows how it is written")
    lines = key_lines(text)
    return TomlFile(data=data, lines=lines, problems=tuple(_take_secrets_out(path, data, lines)))


def _plain(reason: str) -> str:
    """The parser's reason; the one for a repeated key needs more words to be understood."""
    if reason.startswith(("Cannot overwrite", "Cannot declare", "Cannot redefine", "Cannot mutate")):
        return "this key or table was given before"
    return reason[:1].lower() + reason[1:]


def _take_secrets_out(path: Path, data: dict[str, Any], lines: dict[Loc, int]) -> list[Problem]:
    """This file is made to be read by many and kept in version control, so no secret may stand in it."""
    jobs = data.get("job")
    tables: list[tuple[Loc, Any]] = [((), data)]
    if isinstance(jobs, dict):
        tables += [(("job", name), table) for name, table in jobs.items()]
    problems = []
    for loc, table in tables:
        for secret in SECRETS:
            if not isinstance(table, dict) or table.pop(secret, None) is None:
                continue
            variable = "__".join(("ZOFFSITE", *(str(part).upper().replace("-", "_") for part in (*loc, secret))))
            variable = variable.replace("ZOFFSITE__", "ZOFFSITE_", 1)
            problems.append(
                Problem(
                    file=str(path),
                    line=line_of(lines, (*loc, secret)),
                    key=".".join((*map(str, loc), secret)),
                    message="a secret does not belong in this file",
                    remedy=f"move it to .env as {variable}",
                )
            )
    return problems


def _unreadable(path: Path, line: int | None, message: str, remedy: str) -> TomlFile:
    problem = Problem(file=str(path), line=line, key=path.name, message=message, remedy=remedy)
    return TomlFile(data={}, lines={}, problems=(problem,))
