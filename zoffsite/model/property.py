"""A property of a dataset that is not the default."""

from __future__ import annotations

from dataclasses import dataclass

from zoffsite.model.dataset import CHOICE

DESCRIBING = (
    "aclinherit",
    "acltype",
    "atime",
    "checksum",
    "compression",
    "copies",
    "dedup",
    "devices",
    "dnodesize",
    "exec",
    "filesystem_limit",
    "logbias",
    "primarycache",
    "quota",
    "recordsize",
    "redundant_metadata",
    "refquota",
    "relatime",
    "secondarycache",
    "setuid",
    "snapdir",
    "snapshot_limit",
    "special_small_blocks",
    "sync",
    "xattr",
)
"""What a restore sets: it changes how a dataset is kept, and nothing beside it."""
ACTING = (
    "canmount",
    "keylocation",
    "mountpoint",
    "overlay",
    "readonly",
    "refreservation",
    "reservation",
    "sharenfs",
    "sharesmb",
    "snapdev",
    "volmode",
    CHOICE,
)
"""What reaches beyond the dataset (a mount, a share, a backup, room that is taken): for the live one only."""
OWN = "zoffsite:"
"""How the names of our own user properties begin; of all that are ours only CHOICE is a person's."""
MOST_OF_OTHERS = 64
LONGEST_OF_OTHERS = 1024
"""Characters of a value. What is more, or longer, no restore can give back."""


def is_of_others(name: str) -> bool:
    """Whether it is a user property that another program, or a person, reads. What it does nobody here knows."""
    return ":" in name and not name.startswith(OWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One of DESCRIBING or ACTING, or a user property of others.

    `origin` is the dataset that it is inherited from, "" where it was set itself.
    """

    name: str
    value: str
    origin: str = ""

    @property
    def setting(self) -> str:
        """As `zfs set` takes it."""
        return f"{self.name}={self.value}"
