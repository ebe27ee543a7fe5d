"""What a person should know although nothing has failed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to know about `subject`, with what to do about it. `alert`: it is sent out like a failure.

    `code` is stable, for machines.
    """

    code: str
    subject: str
    message: str
    remedy: str
    alert: bool = False
