"""A dataset as `zfs list` shows it, on either host."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

CHOICE = "zoffsite:backup"
"""The user property by which a dataset itself says whether it is backed up."""


class Kind(StrEnum):
    """What can be sent: zfsconcepts(7)."""

    FILESYSTEM = "filesystem"
    VOLUME = "volume"


class KeyStatus(StrEnum):
    """The `keystatus` property; NONE for a dataset that is not encrypted."""

    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One filesystem or volume. Sizes are in bytes.

    `origin` is the snapshot (full name) that a clone began as; `choice` is our own user property, "" where it is unset.
    """

    name: str
    guid: int
    kind: Kind
    encryption: str
    encryptionroot: str | None
    keystatus: KeyStatus
    mounted: bool
    readonly: bool
    written: int
    used: int
    available: int
    referenced: int = 0
    resume_token: str | None = None
    origin: str | None = None
    choice: str = ""

    @property
    def encrypted(self) -> bool:
        """True when every block on disk is ciphertext; only such a dataset may ever leave."""
        return self.encryption != "off"

    @property
    def pool(self) -> str:
        """The pool's name: the part before the first slash."""
        return self.name.partition("/")[0]
