"""What the doctor found: one finding for each thing that was looked at, good or bad."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from zoffsite.model.errors import ExitCode


class Level(StrEnum):
    """How bad it is. CRITICAL: a promise is broken, or will be with the next accident."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"


class Word(StrEnum):
    """Whose word a finding rests on. What the box says of itself is worth as much as the box is."""

    OWN = "own"
    BOX = "box"


SEVERITY = (Level.OK, Level.WARNING, Level.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. `check` is a stable word, `subject` what it is about.

    `why` says why it matters; `remedy` is "" where all is well. `accepted`: the settings say that this may be so.
    """

    check: str
    subject: str
    level: Level
    what: str
    why: str
    remedy: str
    word: Word
    accepted: bool = False

    @property
    def counts(self) -> bool:
        """True where somebody should do something."""
        return self.level is not Level.OK and not self.accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """All findings of one job, looked at `when` (UTC)."""

    job: str
    when: datetime
    findings: tuple[Finding, ...]

    @property
    def level(self) -> Level:
        """That of the worst finding which counts."""
        return max((each.level for each in self.findings if each.counts), key=SEVERITY.index, default=Level.OK)

    @property
    def exit_code(self) -> ExitCode:
        """What the command exits with."""
        return ExitCode.OK if self.level is Level.OK else ExitCode.SOME_FAILED
