"""What the doctor found, as JSON (docs/reference/json.md) and in words."""

from __future__ import annotations

from collections import Counter
from typing import Any

from zoffsite.model.checkup import SEVERITY, Checkup, Finding, Level, Word


def checkup_json(checkup: Checkup) -> dict[str, Any]:
    """The contract of `zoffsite doctor --json`."""
    return {
        "job": checkup.job,
        "when": checkup.when.isoformat().replace("+00:00", "Z"),
        "level": checkup.level.value,
        "findings": [_finding_json(each) for each in checkup.findings],
        "exit_code": int(checkup.exit_code),
    }


def checkup_words(checkup: Checkup) -> str:
    """One line: `home: 2 critical, 1 warning, 31 ok`; accepted ones are counted apart."""
    counts = Counter(each.level for each in checkup.findings if each.counts)
    accepted = sum(each.accepted and each.level is not Level.OK for each in checkup.findings)
    good = len(checkup.findings) - sum(counts.values()) - accepted
    bad = [f"{counts[level]} {level}" for level in reversed(SEVERITY) if counts[level]]
    return f"{checkup.job}: {', '.join([*bad, f'{good} ok', *([f'{accepted} accepted'] if accepted else [])])}"


def worst_first(checkup: Checkup) -> tuple[Finding, ...]:
    """What counts, the worst before the rest."""
    bad = [each for each in checkup.findings if each.counts]
    return tuple(sorted(bad, key=lambda each: -SEVERITY.index(each.level)))


def whose_word(finding: Finding) -> str:
    """Whose word it is, in words."""
    return "the box's own word" if finding.word is Word.BOX else "seen from here"


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "subject": finding.subject,
        "level": finding.level.value,
        "what": finding.what,
        "why": finding.why,
        "remedy": finding.remedy,
        "word": finding.word.value,
        "accepted": finding.accepted,
    }
