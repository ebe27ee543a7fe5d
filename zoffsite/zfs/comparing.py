"""The comparison of a drill, as it is asked on the source, and what it answers (zoffsite/comparison.py)."""

from __future__ import annotations

import json

from zoffsite.model.drill import Comparison, Difference
from zoffsite.zfs.excerpt import plain
from zoffsite.zfs.malformed import MalformedError, malformed_answer
from zoffsite.zfs.names import check_dataset, check_snapshot
from zoffsite.zfs.scratch import run_apart

_LONGEST_WORDS = 400


def compare_files(live: str, back: str, program: str, told: str = "") -> list[str]:
    """Compare two snapshots of filesystems; `told` is a file at their top of which the digest is wanted, too."""
    more = [told] if told else []
    return run_apart(program, "files", check_snapshot(live), check_snapshot(back), *more)


def compare_blocks(live: str, back: str, program: str) -> list[str]:
    """Compare two volumes. udev writes a blank in the name of a device as a plus."""
    devices = (f"/dev/zvol/{check_dataset(each).replace(' ', '+')}" for each in (live, back))
    return run_apart(program, "blocks", *devices)


def parse_line(line: str, host: str) -> int | Comparison:
    """How many bytes were read so far; or, in the last line, all. Raises OperationError "malformed-answer"."""
    with malformed_answer(host, line):
        try:
            tree = json.loads(line)
        except (ValueError, RecursionError):
            raise MalformedError("no JSON") from None
        if not isinstance(tree, dict):
            raise MalformedError("not an object of JSON")
        if set(tree) == {"bytes"}:
            return _count(tree, "bytes")
        return Comparison(
            entries=_count(tree, "entries"),
            bytes=_count(tree, "bytes"),
            differ=_count(tree, "differ"),
            first=_differences(tree.get("first")),
            unread=_count(tree, "unread"),
            first_unread=_differences(tree.get("first_unread")),
            told=str(tree.get("told")),
        )


def _count(tree: dict[str, object], name: str) -> int:
    value = tree.get(name)
    if type(value) is not int or value < 0:
        raise MalformedError(f"no {name}")
    return value


def _differences(rows: object) -> tuple[Difference, ...]:
    if not isinstance(rows, list):
        raise MalformedError("no list of differences")
    return tuple(_difference(row) for row in rows)


def _difference(row: object) -> Difference:
    """Names of files are anybody's: they are shown on one line, without control characters."""
    match row:
        case [str(path), str(what)]:
            return Difference(path=plain(path, _LONGEST_WORDS), what=plain(what, _LONGEST_WORDS))
    raise MalformedError("not a difference")
