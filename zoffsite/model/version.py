"""The versions of a dataset: snapshots, and the bookmarks that outlive them."""

from __future__ import annotations

from dataclasses import dataclass

NOT_TAKEN = 0
"""The guid of a snapshot that only a plan knows so far. ZFS never gives 0: in a stream it means "no base"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One snapshot. `creation` is seconds since the epoch (UTC); `written` and `referenced` are bytes.

    The guid names the content on every host; createtxg orders the versions of one pool, and differs elsewhere.
    `cloned`: a clone depends on it, so that it cannot be destroyed.
    """

    dataset: str
    name: str
    guid: int
    createtxg: int
    creation: int
    written: int = 0
    referenced: int = 0
    holds: int = 0
    cloned: bool = False

    @property
    def full_name(self) -> str:
        """`dataset@snapshot`, as every zfs command takes it."""
        return f"{self.dataset}@{self.name}"

    @property
    def taken(self) -> bool:
        """False for a snapshot that so far only a plan knows."""
        return self.guid != NOT_TAKEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """One bookmark: it keeps a snapshot's guid and createtxg, and can be the base of `zfs send -i`."""

    dataset: str
    name: str
    guid: int
    createtxg: int
    creation: int

    @property
    def full_name(self) -> str:
        """`dataset#bookmark`, as every zfs command takes it."""
        return f"{self.dataset}#{self.name}"


Version = Snapshot | Bookmark
