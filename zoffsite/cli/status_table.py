"""A job at a glance, as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from zoffsite.cli.report import draw_notices
from zoffsite.model.job import Job
from zoffsite.model.overview import Overview
from zoffsite.model.report import RunState
from zoffsite.model.status import Freshness, ReplicaStatus
from zoffsite.views.digest import room_words
from zoffsite.views.evidence import TITLES, evidence_rows, recovery_words
from zoffsite.views.words import age_words, by_box_words, duration_words, last_known_words, size_words

STYLES = {Freshness.OK: "green", Freshness.WARNING: "yellow", Freshness.CRITICAL: "bold red"}


def draw_overview(out: Console, job: Job, seen: Overview) -> None:
    """What the box holds, how the job runs, how long there is room; then what is wrong, with what to do."""
    out.print(Text.assemble("Job ", (job.name, "bold"), f" on {job.box.place}\n"))
    if seen.status.replicas:
        out.print(_table(seen))
    rows = evidence_rows(seen.confidence, seen.status.when)
    if rows:
        out.print()
        out.print(_evidence(rows))
    if seen.error is not None:
        _draw_error(out, seen.error.message, seen.error.remedy)
    alone = by_box_words(seen.status.replicas)
    if alone:
        out.print(Text(f"Nothing is verified: {alone}", "yellow"))
    draw_notices(out, seen.status.notices)
    for last in seen.status.last_known:
        words = f"{last.source}: {last_known_words(last, seen.status.when)}"
        out.print(Text(words, STYLES[last.freshness]), soft_wrap=True)
    for replica in seen.status.replicas:
        if replica.error is not None:
            _draw_error(out, replica.error.message, replica.error.remedy)
    for line in (*_runs(seen), *_room(seen)):
        out.print(line, soft_wrap=True)
    out.print()


def _table(seen: Overview) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("Dataset", "State", "Newest snapshot", "Data as of", "At most"):
        table.add_column(title, overflow="fold")
    for title in ("Size", "A day"):
        table.add_column(title, justify="right", overflow="fold")
    for replica in seen.status.replicas:
        table.add_row(*_row(replica, seen))
    return table


def _evidence(rows: Sequence[Sequence[str]]) -> Table:
    """What shows that it can come back."""
    table = Table(*TITLES, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*(Text(cell, "bold red" if cell.startswith("NOT") else "") for cell in row))
    return table


def _row(replica: ReplicaStatus, seen: Overview) -> tuple[Text, ...]:
    style = STYLES[replica.freshness] if replica.error is None else "bold red"
    state = replica.freshness.upper() if replica.error is None else "NOT GOOD"
    growth = seen.capacity.daily.get(replica.source)
    return (
        Text(replica.source),
        Text(state, style),
        Text(f"{replica.taken:%Y-%m-%d %H:%M:%S}" if replica.taken else "nothing"),
        Text(age_words(replica, seen.status.when, "never")),
        Text(duration_words(replica.objective)),
        Text(size_words(replica.used)),
        Text("–" if growth is None else f"+{size_words(growth)}"),
    )


def _runs(seen: Overview) -> list[Text]:
    lines = []
    if seen.live is not None:
        lines.append(
            Text(f"Running since {_moment(seen.live.started)}: {seen.live.verb}; zoffsite status --watch", "bold")
        )
    last = seen.last_run
    if last is not None:
        good = last.state is RunState.OK
        lines.append(Text(f"Last run {_moment(last.started)}: {last.words}", "" if good else "red"))
        if not good:
            well = _moment(seen.last_success) if seen.last_success else "never, as far as is known"
            lines.append(Text(f"Last run that went well: {well}", "red"))
    if seen.next_run is not None:
        lines.append(Text(f"Next run {_moment(seen.next_run)} by schedule"))
    return lines


def _room(seen: Overview) -> list[Text]:
    found = (recovery_words(seen.confidence.recovery), room_words(seen.capacity))
    lines = [Text(words) for words in found if words]
    for replica in seen.status.replicas:
        base = replica.base
        if base is not None and base.room is not None:
            room = f"{size_words(base.room)} can be written there before its pool is full"
            lines.append(Text(f"{replica.source}: its base on the source is a snapshot alone, no bookmark; {room}"))
    return lines


def _draw_error(out: Console, message: str, remedy: str) -> None:
    out.print(Text(f"\n{message}", "red"))
    out.print(Padding(Text(f"Next: {remedy}", "red"), (0, 0, 0, 2)))


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
