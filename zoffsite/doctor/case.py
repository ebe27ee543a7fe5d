"""What every check is given: the facts, and what should be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from zoffsite.config.machines import Account, Machine
from zoffsite.model.checks import WHY
from zoffsite.model.checkup import Finding, Level, Word
from zoffsite.model.facts import Answer, Facts, Said
from zoffsite.model.job import Job
from zoffsite.zfs.excerpt import plain

SOURCE, BOX = "the source", "the box"
"""How findings call the machines."""
NO_PROGRAM = 127
SHOWN, LONGEST = 200, 800
"""Characters of one machine's own words in a finding, and of all its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """A check that could not be made on `side`, and why."""

    check: str
    why: str
    side: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One machine. `name` is how findings call it."""

    name: str
    said: Said
    word: Word

    def text(self, fact: str) -> str | None:
        """What the machine said; None where the command failed."""
        answer = self.said.get(fact)
        return answer.text if answer is not None and answer.code == 0 else None

    def lacks_program(self, fact: str) -> bool:
        """True where the machine has no such program."""
        answer = self.said.get(fact)
        return answer is not None and answer.code == NO_PROGRAM

    def unseen(self, check: str, fact: str) -> Unseen:
        """That this could not be looked at."""
        answer = self.said.get(fact, Answer(code=1, text="it was not asked"))
        why = "there is no program for it" if answer.code == NO_PROGRAM else plain(answer.text, SHOWN)
        return self.blind(check, why or f"exit code {answer.code}")

    def blind(self, check: str, why: str) -> Unseen:
        """The same, for a reason that is known."""
        return Unseen(check=check, why=why, side=self.name)

    def good(self, check: str, what: str, subject: str = "") -> Finding:
        """All is well."""
        return finding(check, subject or self.name, Level.OK, what, "", self.word)

    def warning(self, check: str, what: str, remedy: str, subject: str = "") -> Finding:
        """Something should be seen to."""
        return finding(check, subject or self.name, Level.WARNING, what, remedy, self.word)

    def critical(self, check: str, what: str, remedy: str, subject: str = "") -> Finding:
        """A promise is broken."""
        return finding(check, subject or self.name, Level.CRITICAL, what, remedy, self.word)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A job, what was seen, and the box as the settings want it: None where the kit did not set it up."""

    job: Job
    facts: Facts
    machine: Machine | None
    account: Account | None

    @property
    def source(self) -> Side:
        """The trusted machine."""
        return Side(name=SOURCE, said=self.facts.source, word=Word.OWN)

    @property
    def box(self) -> Side:
        """What the box says of itself."""
        return Side(name=BOX, said=self.facts.box or {}, word=Word.BOX)

    @property
    def own(self) -> Side:
        """What was seen of the box from outside."""
        return Side(name=BOX, said={}, word=Word.OWN)

    @property
    def kit(self) -> bool:
        """True where the kit set the box up."""
        return self.machine is not None


def finding(check: str, subject: str, level: Level, what: str, remedy: str, word: Word) -> Finding:
    """A finding, with why it matters. Any of its words may quote a machine: they are cleaned and cut here."""
    return Finding(
        check=check,
        subject=plain(subject, SHOWN),
        level=level,
        what=plain(what, LONGEST),
        why=WHY[check],
        remedy=plain(remedy, LONGEST),
        word=word,
    )


def moment(seconds: str | int) -> datetime:
    """A time that a machine told; ValueError where it is none."""
    number = int(seconds)
    if not 0 <= number < 1 << 40:
        raise ValueError(f"{number} is no time")
    return datetime.fromtimestamp(number, UTC)
