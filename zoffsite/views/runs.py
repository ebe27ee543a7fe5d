"""The last runs of a job: a picture to look at, and a table below it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

from zoffsite.model.history import PastRun
from zoffsite.views.chart import Bar, bars
from zoffsite.views.markdown import escape, table
from zoffsite.views.words import duration_words, size_words

SHOWN = 30


def runs_markdown(job: str, past: Sequence[PastRun], days_left: float | None = None) -> str:
    """Bytes and duration of the last backups, room on the box, and every run in a line, the newest first.

    `days_left`: until the box is full; None where nobody can tell.
    """
    backups = [each for each in past if each.verb == "backup"][-SHOWN:]
    rows = [_row(each) for each in reversed(past[-SHOWN:])]
    parts = [f"## The last runs of job {escape(job)}"]
    if backups:
        parts += [_image("Bytes sent", _sent(backups)), _image("How long it took", _took(backups))]
    if room := _room(backups, days_left):
        parts += room
    parts.append(table(("Started (UTC)", "What", "State", "Sent", "Time", "Started by", "In words"), rows))
    return "\n\n".join(parts) + "\n"


def _sent(backups: Sequence[PastRun]) -> str:
    return bars([Bar(value=each.bytes, good=each.state == "ok") for each in backups], "sent", size_words)


def _took(backups: Sequence[PastRun]) -> str:
    return bars([Bar(value=each.seconds, good=each.state == "ok") for each in backups], "duration", duration_words)


def _room(backups: Sequence[PastRun], days_left: float | None) -> list[str]:
    known = [(each.used, each.free) for each in backups if each.used is not None and each.free is not None]
    if not known:
        return []
    used, free = known[-1]
    words = f"On the box: {size_words(used)} used by this job, {size_words(free)} free"
    words += f"; full in about {days_left:.0f} days" if days_left is not None else ""
    chart = bars([Bar(value=each, good=True) for _, each in known], "free on the box", size_words)
    return [_image("Free on the box", chart), f"{words}."]


def _image(words: str, svg: str) -> str:
    return f"![{words}](data:image/svg+xml;base64,{b64encode(svg.encode()).decode()})"


def _row(past: PastRun) -> tuple[str, ...]:
    return (
        f"{past.started:%Y-%m-%d %H:%M}",
        past.verb,
        past.state.value,
        size_words(past.bytes) if past.bytes else "",
        duration_words(past.seconds),
        past.how,
        past.words,
    )
