"""What a person is told when a run fails, when it goes well again, and when the alerts are tried."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from zoffsite.model.report import DatasetOutcome, RunReport, RunState
from zoffsite.views.words import duration_words, size_words, troubles

MOST_ERRORS = 10
"""More would not be read, and chats cut long messages off in the middle."""
LONGEST_TEXT = 500
"""Characters of one error: what the box says may be long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Plain text: a title of one line, a body of several."""

    title: str
    body: str


def failure_message(
    report: RunReport, since: datetime | None = None, last_good: Mapping[str, datetime] | None = None
) -> Message:
    """What failed, since when (the first failed run in a row), how old what the box holds is, and what to do.

    `last_good` is when the last backup started that went well, for each dataset of which one is known.
    """
    known = last_good or {}
    bad = [outcome for outcome in report.datasets if not outcome.state.good]
    what = ", ".join(troubles(report)) or f"{report.verb} failed"
    parts = [f"Run {report.run}, started {_moment(report.started)}, took {duration_words(report.seconds)}."]
    if since is not None and since < report.started:
        parts.append(f"Something has been failing since {_moment(since)}.")
    if report.error is not None:
        parts.append(_trouble(f"job {report.job}", report.error.message, report.error.remedy))
        parts += _oldest(known, {outcome.source for outcome in report.datasets}, report.started)
    parts += _some([_failed(outcome, known, report.started) for outcome in bad])
    parts += _alerts(report)
    parts.append(f"How all replicas stand: zoffsite status --job {report.of_job}")
    return Message(title=f"zoffsite {report.job}: {what}", body="\n\n".join(parts))


def recovery_message(report: RunReport, since: datetime | None = None) -> Message:
    """All is well again, after failures since `since`."""
    sent = sum(outcome.bytes for outcome in report.datasets)
    what = f"{size_words(sent)} were sent" if sent else "there was nothing to send"
    total = len(report.datasets)
    good = {1: "its dataset is good", 0: "nothing was due"}.get(total, f"all {total} datasets are good")
    body = f"Run {report.run}, started {_moment(report.started)}: {good}; {what}."
    if since is not None:
        body += f"\n\nIt had failed since {_moment(since)}."
    body = "\n\n".join((body, *_alerts(report)))
    return Message(title=f"zoffsite {report.job}: {report.verb} works again", body=body)


def alert_message(report: RunReport) -> Message:
    """What somebody should look at although it made nothing fail."""
    how = "went well, but somebody should look" if report.state is RunState.OK else "brought up something to look at"
    parts = [f"Run {report.run}, started {_moment(report.started)}, {how}:"]
    parts += _alerts(report)
    subjects = [notice.subject for notice in report.all_notices if notice.alert]
    title = subjects[0] if len(subjects) == 1 else f"{len(subjects)} things"
    return Message(title=f"zoffsite {report.job}: look at {title}", body="\n\n".join(parts))


def trial_message(job: str) -> Message:
    """What `zoffsite notify test` sends."""
    return Message(
        title=f"zoffsite {job}: test message",
        body=f"Alerts of the backup job {job} arrive here. Nothing has failed; somebody ran: zoffsite notify test",
    )


def _failed(outcome: DatasetOutcome, last_good: Mapping[str, datetime], now: datetime) -> str:
    stale = _stale(last_good.get(outcome.source), now)
    if outcome.error is None:
        return f"{outcome.source}: {outcome.state.value}\n{stale}"
    return _trouble(outcome.source, outcome.error.message, outcome.error.remedy, stale)


def _oldest(last_good: Mapping[str, datetime], known: Collection[str], now: datetime) -> list[str]:
    """Where the run stopped before it came to the datasets: since when the one that is worst off is not backed up."""
    untold = {source: moment for source, moment in last_good.items() if source not in known}
    if not untold:
        return []
    worst = min(untold, key=lambda source: untold[source])
    return [f"{worst} is the one that waits longest. {_stale(untold[worst], now)}"]


def _stale(last_good: datetime | None, now: datetime) -> str:
    if last_good is None:
        return "No run is known that backed it up well."
    return f"Last backed up well: {_moment(last_good)}, {duration_words(now - last_good)} before this run."


def _alerts(report: RunReport) -> list[str]:
    return _some([_trouble(each.subject, each.message, each.remedy) for each in report.all_notices if each.alert])


def _some(parts: list[str]) -> list[str]:
    """Not more of them than are read; how many more there are."""
    left = len(parts) - MOST_ERRORS
    return parts if left <= 0 else [*parts[:MOST_ERRORS], f"… and {left} more."]


def _trouble(subject: str, message: str, remedy: str, between: str = "") -> str:
    lines = (f"{subject}: {_short(message)}", between, f"Next: {_short(remedy)}")
    return "\n".join(line for line in lines if line)


def _short(text: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(printable.split())
    return line if len(line) <= LONGEST_TEXT else f"{line[: LONGEST_TEXT - 1]}…"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
