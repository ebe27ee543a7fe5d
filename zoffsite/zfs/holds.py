"""Who holds which snapshots; zfs-hold(8).

Each snapshot of a `zfs hold` or `zfs release` stands by itself: one that fails ends the command with an error, but the
others are done. So what matters is what is left of its complaints without those that are fine.
"""

from __future__ import annotations

from collections.abc import Collection

from zoffsite.zfs.malformed import MalformedError, malformed_answer
from zoffsite.zfs.names import split_version

ALREADY_HELD = ("tag already exists on this dataset",)
"""What zfs says of a snapshot that the tag holds already."""

ALREADY_RELEASED = ("no such tag on this dataset", "dataset does not exist")
"""What zfs says of a snapshot that the tag does not hold, or that is gone."""


def parse_holds(text: str, host: str) -> tuple[tuple[str, str], ...]:
    """The listing that `argv.list_holds` asks for, as pairs of snapshot and tag. OperationError "malformed-answer"."""
    holds: list[tuple[str, str]] = []
    for line in text.splitlines():
        with malformed_answer(host, line):
            name, _, rest = line.partition("\t")
            tag, tab, _when = rest.rpartition("\t")
            if not tab or split_version(name, "@") is None:
                raise MalformedError("not a line of zfs holds")
            holds.append((name, tag))
    return tuple(holds)


def complaints(stderr: str, fine: Collection[str]) -> str:
    """`stderr` without the lines that hold any of `fine`."""
    return "\n".join(line for line in stderr.splitlines() if not any(words in line for words in fine))
