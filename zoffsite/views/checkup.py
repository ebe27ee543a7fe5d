"""What the doctor found, as JSON (docs/reference/json.md) and in words."""

from __future__ import annotations

from collections import Counter
from typing import Any

from zoffsite.model.checkup import SEVERITY, Checkup, Finding, Level, Word
from zoffsite.views.markdown import escape, table


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
    """One line: `home: 2 critical, 3 warnings, 31 ok`; accepted ones are counted apart."""
    counts = Counter(each.level for each in checkup.findings if each.counts)
    accepted = sum(each.accepted and each.level is not Level.OK for each in checkup.findings)
    good = len(checkup.findings) - sum(counts.values()) - accepted
    bad = [f"{counts[Level.CRITICAL]} critical"] * bool(counts[Level.CRITICAL])
    warnings = counts[Level.WARNING]
    bad += [f"{warnings} warning" + ("s" if warnings > 1 else "")] * bool(warnings)
    return f"{checkup.job}: {', '.join([*bad, f'{good} ok', *([f'{accepted} accepted'] if accepted else [])])}"


def worst_first(checkup: Checkup) -> tuple[Finding, ...]:
    """What counts, the worst before the rest."""
    bad = [each for each in checkup.findings if each.counts]
    return tuple(sorted(bad, key=lambda each: -SEVERITY.index(each.level)))


def whose_word(finding: Finding) -> str:
    """Whose word it is, in words."""
    return "the box's own word" if finding.word is Word.BOX else "seen from here"


def checkup_markdown(checkup: Checkup) -> str:
    """The findings as a table; before it, what counts, with what to do."""
    parts = [f"## {escape(checkup_words(checkup))}", f"Looked at {checkup.when:%Y-%m-%d %H:%M:%S} UTC."]
    for each in worst_first(checkup):
        head = f"**{escape(each.check)} {each.level.upper()}** {escape(each.subject)} ({escape(whose_word(each))})"
        parts.append(f"{head}: {escape(each.what)}  \n{escape(each.why)}  \nNext: {escape(each.remedy)}")
    rows = [(each.check, _state(each), each.subject, each.what, whose_word(each)) for each in checkup.findings]
    parts.append(table(("Check", "State", "Of", "What was found", "Whose word"), rows))
    return "\n\n".join(parts) + "\n"


def _state(finding: Finding) -> str:
    return "accepted" if finding.accepted and finding.level is not Level.OK else finding.level.upper()


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
