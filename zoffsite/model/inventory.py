"""What one batched listing says about a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zoffsite.model.dataset import Dataset
from zoffsite.model.snapshots import NO_SNAPSHOTS, Snapshots
from zoffsite.model.version import Bookmark, Snapshot, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetState:
    """A dataset with its versions, oldest first (by createtxg)."""

    dataset: Dataset
    snapshots: Snapshots = NO_SNAPSHOTS
    bookmarks: tuple[Bookmark, ...] = ()

    @property
    def newest(self) -> Snapshot | None:
        """The newest snapshot, if there is one."""
        return self.snapshots[-1] if self.snapshots else None

    @property
    def versions(self) -> tuple[Version, ...]:
        """The snapshots, then the bookmarks."""
        return (*self.snapshots, *self.bookmarks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All datasets of one listing, by name."""

    host: str
    datasets: Mapping[str, DatasetState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenContents:
    """A resume token of the box, as the SOURCE's own `zfs send -nvt` decoded it; zfs-send(8).

    `sends` is the snapshot that the source would send, by its full name, or "" where it is stale. The name in the token
    only says where zfs begins to look for `toguid`: another dataset that was received on the source has it, too.
    `strange` are the fields that no send of ours leaves in a token (a saved or a redacted send).
    `stale` is the source's reason why the token can no longer be used (its snapshot is gone), or None.
    """

    token: str
    sends: str
    toguid: int
    fromguid: int
    raw: bool
    received_bytes: int
    remaining_bytes: int
    strange: tuple[str, ...] = ()
    stale: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadToken:
    """A resume token of which the source could not say what it stands for: `code` and `problem` of its error."""

    token: str
    code: str
    problem: str
