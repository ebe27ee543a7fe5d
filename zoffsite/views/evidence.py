"""What shows that the data can come back: as words for tables, and as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from zoffsite.model.evidence import Confidence, Evidence, Recovery
from zoffsite.views.json import time_json
from zoffsite.views.words import duration_words, rate_words, size_words

Json = dict[str, Any]

TITLES = ("Dataset", "Verified", "Proved", "Drilled", "Back in")


def evidence_rows(confidence: Confidence, now: datetime) -> list[tuple[str, ...]]:
    """A row for each dataset, of TITLES; none where there is nothing to show of any."""
    if not any(each.verified or each.proved or each.drill for each in confidence.evidence.values()):
        return []
    return [(dataset, *_words(each, now)) for dataset, each in confidence.evidence.items()]


def recovery_words(recovery: Recovery) -> str:
    """How long everything would take, and how that is known; "" where there is nothing to bring back."""
    if not recovery.bytes:
        return ""
    if recovery.seconds is None:
        return f"To bring everything back, {size_words(recovery.bytes)}: nobody can tell how long, before a drill"
    size = size_words(recovery.bytes)
    return f"To bring everything back, {size}: about {duration_words(recovery.seconds)}, {by_words(recovery)}"


def by_words(recovery: Recovery) -> str:
    """How the time is known, and which limit decides it."""
    known = {
        "drills": "by the rate of the last drills",
        "sends": "by the rate at which it was sent; no drill has measured the way back",
        "bandwidth": "at the bandwidth that was asked for",
    }[recovery.by or "sends"]
    limit = f"; the limit of {rate_words(recovery.cap)} in the settings decides that" if recovery.cap else ""
    return f"{known}{limit}"


def confidence_json(confidence: Confidence) -> Json:
    """For programs."""
    recovery = confidence.recovery
    return {
        "evidence": {dataset: _evidence_json(each) for dataset, each in confidence.evidence.items()},
        "recovery": {
            "bytes": recovery.bytes,
            "seconds": None if recovery.seconds is None else round(recovery.seconds, 1),
            "by": recovery.by,
            "cap": recovery.cap,
        },
    }


def _words(each: Evidence, now: datetime) -> tuple[str, ...]:
    drill = each.drill
    return (
        _ago(each.verified, now),
        _proved(each, now),
        ("" if drill is None or drill.passed else "NOT WHOLE, ") + _ago(drill.when if drill else None, now),
        duration_words(drill.seconds) if drill is not None and drill.passed else "–",
    )


def _proved(each: Evidence, now: datetime) -> str:
    """`2 days ago`; what nobody can prove any more is no part of that, and said."""
    left = f", but for {each.beyond} {'stream' if each.beyond == 1 else 'streams'}" if each.beyond else ""
    return f"{_ago(each.proved, now)}{left if each.proved else ''}"


def _ago(when: datetime | None, now: datetime) -> str:
    if when is None:
        return "never"
    return f"{duration_words(now - when)} ago" if (now - when).total_seconds() >= 1 else "now"


def _evidence_json(each: Evidence) -> Json:
    drill = each.drill
    return {
        "verified": time_json(each.verified),
        "proved": time_json(each.proved),
        "beyond_proof": each.beyond,
        "drilled": time_json(drill.when) if drill else None,
        "drill_passed": drill.passed if drill else None,
        "recovery_seconds": drill.seconds if drill else None,
    }
