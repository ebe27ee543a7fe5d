"""The history drawn as JSON (docs/reference/json.md) and in words."""

from __future__ import annotations

from typing import Any

from zoffsite.model.event import Event, EventKind
from zoffsite.views.json import time_json

Json = dict[str, Any]


def history_json(job: str, events: tuple[Event, ...]) -> Json:
    """All events, newest first."""
    return {"job": job, "events": [_event_json(each) for each in events]}


def what_words(event: Event) -> str:
    """`sent`, `pruned on the box`, `NOT proved`, `proof broke off`."""
    if event.side is not None:
        return f"pruned on the {event.side}"
    if event.good is None:
        return f"{'proof' if event.kind is EventKind.PROVED else 'drill'} broke off"
    return event.kind.value if event.good else f"NOT {event.kind.value}"


def of_words(event: Event) -> str:
    """Which snapshot, or how many: `@daily`, `@daily in full`, `12 snapshots from @daily`."""
    if event.kind is EventKind.PRUNED:
        return f"{event.count} snapshots from @{event.snapshot}"
    return f"@{event.snapshot} in full" if event.base_guid == 0 else f"@{event.snapshot}"


def _event_json(event: Event) -> Json:
    return {
        "when": time_json(event.when),
        "kind": event.kind.value,
        "dataset": event.dataset,
        "snapshot": event.snapshot,
        "guid": None if event.guid is None else str(event.guid),
        "base_guid": str(event.base_guid) if event.base_guid else None,
        "bytes": event.bytes,
        "seconds": event.seconds,
        "good": event.good,
        "side": event.side,
        "count": event.count,
    }
