"""`systemctl show -p Id,ActiveState,UnitFileState UNIT…`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """`active` as in `active`, `inactive`, `failed`; `enabled` as in `enabled`, `masked`, "" where there is no file."""

    active: str
    enabled: str


def units(text: str) -> dict[str, Unit]:
    """By name; a unit that does not exist is there, inactive."""
    found = {}
    for block in text.strip().split("\n\n"):
        values = dict(line.partition("=")[::2] for line in block.splitlines())
        if "Id" not in values:
            raise ValueError("not what systemctl shows")
        found[values["Id"]] = Unit(active=values.get("ActiveState", ""), enabled=values.get("UnitFileState", ""))
    return found
