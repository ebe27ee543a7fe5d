"""How everything stands, as a message: for those who want to hear it although nothing has failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from zoffsite.model.history import PastRun
from zoffsite.model.overview import Capacity, Overview
from zoffsite.model.report import RunState
from zoffsite.model.status import ReplicaStatus
from zoffsite.views.messages import Message
from zoffsite.views.words import age_words, by_box_words, duration_words, size_words

SPAN = timedelta(days=7)
"""How far back a digest counts runs."""
MOST = 100
"""Lines about replicas: more would not be read. Those that are not good come first."""


def digest_message(seen: Overview, past: Sequence[PastRun]) -> Message:
    """One job: its replicas, its runs of the last week, the next run and the room."""
    replicas = sorted(seen.status.replicas, key=lambda each: (not each.wrong, each.source))
    bad = sum(not each.good for each in replicas)
    parts = ["\n".join(_replica(each, seen.status.when) for each in replicas[:MOST])]
    if len(replicas) > MOST:
        parts.append(f"… and {len(replicas) - MOST} more.")
    if seen.error is not None:
        parts.append(f"{_line(seen.error.message)}\nNext: {_line(seen.error.remedy)}")
    parts += [f"{_line(each.subject)}: {_line(each.message)}" for each in seen.status.notices]
    parts.append("\n".join(each for each in (*_runs(seen, past), room_words(seen.capacity)) if each))
    return Message(
        title=f"zoffsite {seen.status.job}: {_title(seen, bad)}", body="\n\n".join(each for each in parts if each)
    )


def room_words(capacity: Capacity) -> str:
    """What is free, for how long, and what more history would cost; "" where nothing is known."""
    parts = []
    if capacity.free is not None:
        parts.append(f"{size_words(max(capacity.free, 0))} free")
    if capacity.days_left is not None:
        parts.append(f"full in about {capacity.days_left:.0f} days")
    if capacity.month_more is not None:
        parts.append(f"30 days more of history cost at most {size_words(capacity.month_more)}")
    return f"Room: {'; '.join(parts)}" if parts else ""


def _title(seen: Overview, bad: int) -> str:
    if seen.error is not None:
        return f"digest: {by_box_words(seen.status.replicas) or 'it cannot be told how the replicas stand'}"
    count = len(seen.status.replicas)
    return f"digest: {bad} of {count} replicas are not good" if bad else f"digest: all {count} replicas are good"


def _replica(replica: ReplicaStatus, now: datetime) -> str:
    state = "NOT GOOD" if replica.error is not None else replica.freshness.upper()
    age = age_words(replica, now, "")
    data = f"data as of {age}" if age else "nothing on the box"
    line = (
        f"{state}: {replica.source}: {data} (at most {duration_words(replica.objective)}), {size_words(replica.used)}"
    )
    return (
        line
        if replica.error is None
        else f"{line}\n  {_line(replica.error.message)}\n  Next: {_line(replica.error.remedy)}"
    )


def _runs(seen: Overview, past: Sequence[PastRun]) -> list[str]:
    week = [each for each in past if each.verb == "backup" and seen.status.when - each.started <= SPAN]
    failed = sum(each.state is not RunState.OK for each in week)
    sent = size_words(sum(each.bytes for each in week))
    lines = [f"Backups of the last 7 days: {len(week)}, {failed} of them failed; {sent} sent"]
    if seen.last_run is not None:
        lines.append(f"Last run {_moment(seen.last_run.started)}: {_line(seen.last_run.words)}")
    if seen.next_run is not None:
        lines.append(f"Next run {_moment(seen.next_run)} by schedule")
    return lines


def _line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:500]


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
