"""An imported pool."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One pool as `zpool list` shows it. `altroot` is None where none was given at its import."""

    name: str
    guid: int
    altroot: str | None
