"""What was seen of two machines and of the way between them, before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from zoffsite.model.inventory import Inventory
from zoffsite.model.report import ErrorReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one command ended (127: no such program, 124: too late), and what it said, or complained."""

    code: int
    text: str


Said = Mapping[str, Answer]
"""By the names of zoffsite/box/facts.py."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Something forbidden that was tried with the job's own key. `outcome`: what came of it, in words."""

    what: str
    refused: bool
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """A try to reach the box's sshd at an address where it must not answer. `code` is that of the error; "" if it let
    us in."""

    address: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the doctor knows. Clocks are seconds since 1970.

    `box` is what the box says of itself, None where it could not be asked; `box_error` says why. `asked` and `answered`
    are this machine's clock around the box's answer. `known` are the guids of snapshots that the job knows to be its
    own, None where that is not known. `key_made`: when the job's SSH key was written; `restore_key_made`: that for
    restores, None where there is none.
    """

    now: datetime
    source: Said
    box: Said | None
    box_error: ErrorReport | None
    inventory: Inventory | None = None
    inventory_error: ErrorReport | None = None
    known: frozenset[int] | None = None
    asked: float = 0.0
    answered: float = 0.0
    attempts: tuple[Attempt, ...] = ()
    knocks: tuple[Knock, ...] = ()
    key_made: datetime | None = None
    restore_key_made: datetime | None = None
