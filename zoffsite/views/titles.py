"""A run's name in a list of many: the job, and what it does."""

from __future__ import annotations

from collections import Counter

from zoffsite.model.plan import FullSend, IncrementalSend, JobPlan, ResumeSend, UpToDate
from zoffsite.model.report import RunReport
from zoffsite.views.words import size_words


def plan_title(plan: JobPlan) -> str:
    """`home: 1 full, 3 incremental, 1.2 GiB`, or `home: nothing to send`; what cannot be sent is counted, too."""
    counts = Counter(each.action for each in plan.datasets if not isinstance(each, UpToDate))
    if not counts:
        return f"{plan.job}: nothing to send"
    sends = [each for each in plan.datasets if isinstance(each, FullSend | IncrementalSend | ResumeSend)]
    size = size_words(sum(step.estimated_bytes for each in sends for step in each.steps))
    parts = [f"{count} {action}" for action, count in counts.items()]
    return f"{plan.job}: {', '.join([*parts, size] if sends else parts)}"


def report_title(job: str, verb: str, report: RunReport) -> str:
    """`home: verify, 12 of 12 good`, or `home: prune, 4 + 10 snapshots` (source + box)."""
    good = sum(outcome.state.good for outcome in report.datasets)
    if verb == "prune" and good == len(report.datasets):
        pruned = [(outcome.pruned_source, outcome.pruned_box) for outcome in report.datasets]
        return f"{job}: prune, {sum(here for here, _ in pruned)} + {sum(there for _, there in pruned)} snapshots"
    return f"{job}: {verb}, {good} of {len(report.datasets)} good"
