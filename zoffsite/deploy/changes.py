"""What a deployment changes on a machine, given what is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Fate(StrEnum):
    """What becomes of a file."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    GONE = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file, by its whole path; `text` is what is in it afterwards, which for a secret one nobody shows."""

    path: str
    fate: Fate
    text: str = ""
    secret: bool = False


def changes(
    wanted: Mapping[str, str], present: Mapping[str, str], secret: Mapping[str, str] | None = None
) -> tuple[Change, ...]:
    """All files that are wanted, and those of earlier deployments that no longer are; `present` are both, by path."""
    hidden = secret or {}
    found = [
        Change(path=path, fate=_fate(text, present.get(path)), text=text, secret=path in hidden)
        for path, text in {**wanted, **hidden}.items()
    ]
    stale = sorted(set(present) - set(wanted) - set(hidden))
    return (*found, *(Change(path=path, fate=Fate.GONE) for path in stale))


def _fate(text: str, present: str | None) -> Fate:
    if present is None:
        return Fate.NEW
    return Fate.SAME if text == present else Fate.CHANGED
