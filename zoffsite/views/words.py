"""Sizes, rates and times in words, and a run in one line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import humanize

from zoffsite.model.checkup import Word
from zoffsite.model.plan import Conflict, DatasetPlan, Refused, UpToDate
from zoffsite.model.report import DatasetResult, RunReport, RunState
from zoffsite.model.status import LastKnown, ReplicaStatus

_SENDS = {"full": "full send", "incremental": "incremental send", "resume": "rest of a send"}
_UNITS = ((86400, "day"), (3600, "h"), (60, "min"), (1, "s"))
_TROUBLES = {
    DatasetResult.FAILED: "failed",
    DatasetResult.REFUSED: "refused",
    DatasetResult.CONFLICT: "in conflict",
}


def size_words(size: float) -> str:
    """`512 Bytes`, `1.5 GiB`: powers of 1024, as ZFS counts."""
    return humanize.naturalsize(size, binary=True)


def rate_words(rate: float) -> str:
    """`3.2 MiB/s`."""
    return f"{size_words(rate)}/s"


def duration_words(duration: float | timedelta) -> str:
    """The two greatest units: `0.4 s`, `12 s`, `3 min 5 s`, `26 h`, `2 days 4 h`. Up to 48 hours stay hours."""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else float(duration)
    if seconds < 0:
        return f"-{duration_words(-seconds)}"
    if seconds < 9.95:
        return f"{seconds:.1f} s".replace(".0 ", " ")
    left, words = round(seconds), list[str]()
    for length, unit in _UNITS if left >= 2 * 86400 else _UNITS[1:]:
        count, rest = divmod(left, length)
        if count:
            words.append(f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}")
            left = rest
        elif words:
            break
        if len(words) == 2:
            break
    return " ".join(words)


def plan_words(plan: DatasetPlan, rate: int | None = None) -> str:
    """What would be done, and why: `full send, 2.1 TiB, because the box has no snapshot of this dataset`.

    `rate` is bytes per second: with it, also how long it takes.
    """
    if isinstance(plan, Conflict | Refused):
        return plan.reason
    if isinstance(plan, UpToDate):
        return f"nothing to send, because {plan.reason}"
    size = sum(step.estimated_bytes for step in plan.steps)
    time = f", {duration_words(size / rate)}" if rate else ""
    return f"{_SENDS[plan.action]}, {size_words(size)}{time}, because {plan.reason}"


def report_words(report: RunReport) -> str:
    """One line: `home: all 4 datasets are on the box; 1.5 GiB sent in 3 min 5 s`, or what is not there, by name."""
    total = len(report.datasets)
    sent = sum(outcome.bytes for outcome in report.datasets)
    tail = f"{size_words(sent) if sent else 'nothing'} sent in {duration_words(report.seconds)}"
    if report.state is RunState.OK:
        if not report.datasets and report.notices:
            return f"{report.job}: nothing was done; {report.notices[0].subject}: {report.notices[0].message}"
        count = {1: "its dataset is", 0: "no dataset, so nothing is"}.get(total, f"all {total} datasets are")
        return f"{report.job}: {count} on {report.place}; {tail}"
    if report.error is not None:
        return f"{report.job}: the run stopped: {report.error.message}; {tail}"
    bad = "; ".join(f"{words}: {_some(names)}" for words, names in troubles(report).items())
    return f"{report.job}: {bad}; {tail}"


def troubles(report: RunReport) -> dict[str, list[str]]:
    """`1 of 4 datasets failed`, `2 refused`, `1 in conflict`: what there was of them, and the names of the datasets."""
    found = dict[str, list[str]]()
    for state, words in _TROUBLES.items():
        names = [outcome.source for outcome in report.datasets if outcome.state is state]
        if names:
            of = "" if found else f" of {len(report.datasets)} datasets"
            found[f"{len(names)}{of} {words}"] = names
    return found


def _some(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def last_known_words(last: LastKnown, now: datetime) -> str:
    """What is known of a replica on a disk that is away."""
    if last.good is None:
        return "no run that brought it there is known; the disk is away"
    ago = duration_words(now - last.good)
    return f"it was last brought up to date {ago} ago; the objective is {duration_words(last.objective)}"


def age_words(replica: ReplicaStatus, now: datetime, nothing: str) -> str:
    """How old the data on the box is, and whether only the box says so; `nothing` where there is none."""
    if replica.as_of is None:
        return nothing
    return f"{duration_words(now - replica.as_of)} ago{', says the box' if replica.word is Word.BOX else ''}"


def by_box_words(replicas: Sequence[ReplicaStatus]) -> str:
    """What is known where only the box could be asked; "" where the source could be, too."""
    unverified = [each for each in replicas if each.word is Word.BOX]
    if not unverified:
        return ""
    young = sum(not each.wrong for each in unverified)
    return f"by the box's word alone, {young} of {len(unverified)} replicas are within their objective"
