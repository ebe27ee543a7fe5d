"""A run of the past, in one line: what is left of its report for tables, pictures and decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from zoffsite.model.report import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One run. `verb` is what it did: "backup", "verify", "prune"; `how` who started it; `started` is UTC.

    `bytes` crossed the wire. `whole`: it was about all datasets of the job. `free` and `used` are bytes on the box as
    the run found it, None where it did not get so far.
    """

    verb: str
    run: str
    how: str
    started: datetime
    seconds: float
    state: RunState
    bytes: int
    whole: bool
    words: str
    free: int | None = None
    used: int | None = None
