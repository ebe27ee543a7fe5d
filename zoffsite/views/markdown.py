"""Plan, retention, report and ages as Markdown tables, for the artifacts of the Prefect UI."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from zoffsite.model.evidence import NO_CONFIDENCE, Confidence
from zoffsite.model.notice import Notice
from zoffsite.model.plan import Conflict, DatasetPlan, FullSend, IncrementalSend, JobPlan, Refused, ResumeSend
from zoffsite.model.report import DatasetOutcome, ErrorReport, RunReport
from zoffsite.model.status import JobStatus, ReplicaStatus
from zoffsite.model.version import Bookmark
from zoffsite.views.evidence import TITLES, evidence_rows, recovery_words
from zoffsite.views.words import age_words, duration_words, report_words, size_words

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#&!$])")
"""What Markdown or HTML would read as more than a character; messages may quote what the box said."""


MOST_SNAPSHOTS = 200
"""Rows of one table: more would not be read, and are stored with every run."""


def escape(text: str) -> str:
    """`text` as Markdown that shows exactly it, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def plan_markdown(plan: JobPlan) -> str:
    """What a run would do: a table of datasets, one of what would be pruned, and the remedies of what cannot go on.

    Size and reason stand before the long names of snapshots: a page cuts off what is too wide.
    """
    rows = [_plan_row(dataset) for dataset in plan.datasets]
    parts = [f"## Plan of job {escape(plan.job)}", table(("Dataset", "Action", "About", "Why", "From", "To"), rows)]
    pruned = [
        (prune.side.value, prune.dataset, str(prune.destroys), str(len(prune.reasons)))
        for prune in plan.prune
        if prune.destroys
    ]
    if pruned:
        parts += ["### Snapshots that would be pruned", table(("Side", "Dataset", "Destroy", "Keep"), pruned)]
    trouble = [dataset for dataset in plan.datasets if isinstance(dataset, Conflict | Refused)]
    parts += [_trouble(each.source, each.code, each.reason, each.remedy) for each in trouble]
    parts += [_notice(notice) for notice in plan.notices]
    return "\n\n".join(parts) + "\n"


def report_markdown(report: RunReport) -> str:
    """What a run did: a sentence, a table of datasets, each error with its remedy, each notice."""
    rows = [_outcome_row(outcome) for outcome in report.datasets]
    parts = [f"## {escape(report_words(report))}", f"Started {report.started:%Y-%m-%d %H:%M:%S} UTC."]
    if rows:
        parts.append(table(("Dataset", "State", "Sent", "Time", "Snapshot", "Verified", "Pruned"), rows))
        parts.append("Pruned: snapshots on the source + on the box.")
    if report.error is not None:
        parts.append(_error(f"job {report.job}", report.error))
    parts += [_error(outcome.source, outcome.error) for outcome in report.datasets if outcome.error is not None]
    parts += [_notice(notice) for notice in report.all_notices]
    return "\n\n".join(parts) + "\n"


def retention_markdown(plan: JobPlan) -> str:
    """What pruning would destroy, and what it would keep, each with its reasons; the newest first."""
    parts = [f"## Retention of job {escape(plan.job)}"]
    for prune in plan.prune:
        kept = {kept.snapshot.guid: ", ".join(kept.reasons) for kept in prune.keep}
        snapshots = sorted((*(each.snapshot for each in prune.keep), *prune.destroy), key=lambda each: -each.createtxg)
        rows = [
            (f"@{each.name}", "keep" if each.guid in kept else "destroy", kept.get(each.guid, "no rule keeps it"))
            for each in snapshots[:MOST_SNAPSHOTS]
        ]
        parts.append(f"### {escape(prune.dataset)} ({prune.side.value})")
        parts.append(f"{prune.destroys} to destroy, {len(prune.reasons)} to keep.")
        parts.append(table(("Snapshot", "", "Why"), rows))
    return "\n\n".join(parts) + "\n"


def freshness_markdown(found: JobStatus, confidence: Confidence = NO_CONFIDENCE) -> str:
    """How old each replica is against its objective, what shows that it can come back, and what is wrong with it."""
    rows = [_replica_row(replica, found.when) for replica in found.replicas]
    parts = [
        f"## Replicas of job {escape(found.job)}",
        f"Looked at {found.when:%Y-%m-%d %H:%M:%S} UTC.",
        table(("Dataset", "State", "Newest snapshot", "Data as of", "At most", "Size"), rows),
    ]
    shown = evidence_rows(confidence, found.when)
    if shown:
        parts += ["### What shows that it can come back", table(TITLES, shown)]
    if words := recovery_words(confidence.recovery):
        parts.append(f"{escape(words)}.")
    parts += [_error(replica.source, replica.error) for replica in found.replicas if replica.error is not None]
    parts += [_notice(notice) for notice in found.notices]
    return "\n\n".join(parts) + "\n"


def _replica_row(replica: ReplicaStatus, now: datetime) -> tuple[str, ...]:
    return (
        replica.source,
        replica.freshness.upper() if replica.error is None else "NOT GOOD",
        f"@{replica.newest}" if replica.newest else "nothing",
        age_words(replica, now, "never"),
        duration_words(replica.objective),
        size_words(replica.used),
    )


def _plan_row(plan: DatasetPlan) -> tuple[str, ...]:
    if not isinstance(plan, FullSend | IncrementalSend | ResumeSend):
        return plan.source, plan.action, "", plan.reason, "", ""
    base = plan.steps[0].base
    mark = "#" if isinstance(base, Bookmark) else "@"
    to = plan.steps[-1].to
    return (
        plan.source,
        plan.action,
        size_words(sum(step.estimated_bytes for step in plan.steps)),
        plan.reason,
        f"{mark}{base.name}" if base else "",
        f"@{to.name}" + ("" if to.taken else " (to be taken)"),
    )


def _outcome_row(outcome: DatasetOutcome) -> tuple[str, ...]:
    return (
        outcome.source,
        outcome.state.value,
        size_words(outcome.bytes) if outcome.bytes else "",
        duration_words(outcome.seconds) if outcome.seconds else "",
        f"@{outcome.snapshot}" if outcome.snapshot else "",
        "yes" if outcome.verified else "no",
        f"{outcome.pruned_source} + {outcome.pruned_box}",
    )


def _error(subject: str, error: ErrorReport) -> str:
    return _trouble(subject, error.code, error.message, error.remedy)


def _notice(notice: Notice) -> str:
    return _trouble(notice.subject, notice.code, notice.message, notice.remedy)


def _trouble(subject: str, code: str, message: str, remedy: str) -> str:
    return f"**{escape(subject)}** ({escape(code)}): {escape(message)}  \nNext: {escape(remedy)}"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table whose cells show exactly the texts."""
    lines = [titles, ["---"] * len(titles), *([escape(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
