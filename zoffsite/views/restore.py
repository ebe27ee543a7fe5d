"""A restore drawn as JSON trees (docs/reference/json.md) and in words."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote
from typing import Any

from zoffsite.model.dataset import Kind
from zoffsite.model.restore import Restoration, RestoreAction, RestoreOutcome, RestorePlan, RestoreReport
from zoffsite.views.json import error_json, notice_json, time_json
from zoffsite.views.words import size_words

Json = dict[str, Any]

_WORDS = {
    RestoreAction.RECEIVE: "to come back",
    RestoreAction.RESUME: "the rest of it",
    RestoreAction.THERE: "is there",
    RestoreAction.REFUSED: "refused",
}


def restore_plan_json(plan: RestorePlan) -> Json:
    """What a restore would do."""
    return {
        "job": plan.job,
        "dataset": plan.wanted.dataset,
        "to": plan.wanted.to,
        "snapshot": plan.wanted.snapshot,
        "containers": list(plan.containers),
        "datasets": [_part_json(part) for part in plan.datasets],
        "keys": list(plan.keys),
        "estimated_bytes": plan.estimated_bytes,
        "notices": [notice_json(notice) for notice in plan.notices],
    }


def restore_report_json(report: RestoreReport) -> Json:
    """What a restore did."""
    return {
        **restore_plan_json(report.plan),
        "started": time_json(report.started),
        "seconds": report.seconds,
        "datasets": [_outcome_json(outcome) for outcome in report.datasets],
        "exit_code": int(report.exit_code),
    }


def part_words(part: Restoration) -> str:
    """`@daily, 1.5 GiB, because it is not here yet`."""
    if part.snapshot is None:
        return part.reason
    size = f", about {size_words(part.estimated_bytes)}" if part.estimated_bytes else ""
    return f"@{part.snapshot.name}{size}: {_WORDS[part.action]}, because {part.reason}"


def next_steps(report: RestoreReport) -> Iterator[str]:
    """What a person does now, a command a line: open what is not open yet, look at it, make it the live one."""
    back = [outcome for outcome in report.datasets if outcome.state.good]
    wanted = report.plan.wanted
    for outcome in back:
        if not outcome.unlocked:
            key = outcome.plan.key_of
            yield f"zfs load-key -L prompt {quote(outcome.plan.target)}    # the key that opened {key}"
    for outcome in back:
        if outcome.plan.kind is Kind.FILESYSTEM and outcome.mounted is None:
            yield f"zfs mount -o ro,nosuid,nodev,noexec {quote(outcome.plan.target)}"
    if back and len(back) == len(report.datasets):
        yield "# look at it; to make it the live one then, with nothing using either:"
        yield f"zfs unmount {quote(wanted.to)}"
        yield f"zfs rename {quote(wanted.dataset)} {quote(wanted.dataset + '-old')}    # if it is still there"
        yield f"zfs rename {quote(wanted.to)} {quote(wanted.dataset)}"
        yield f"zfs mount {quote(wanted.dataset)}"
        yield f"zoffsite approve-key --job {report.plan.job} {quote(wanted.dataset)}    # then: zoffsite plan"


def _part_json(part: Restoration) -> Json:
    return {
        "dataset": part.dataset,
        "replica": part.replica,
        "target": part.target,
        "action": part.action.value,
        "snapshot": part.snapshot.name if part.snapshot else None,
        "guid": str(part.snapshot.guid) if part.snapshot else None,
        "key_of": part.key_of or None,
        "estimated_bytes": part.estimated_bytes,
        "reason": part.reason,
        "code": part.code,
        "remedy": part.remedy,
    }


def _outcome_json(outcome: RestoreOutcome) -> Json:
    return {
        **_part_json(outcome.plan),
        "state": outcome.state.value,
        "bytes": outcome.bytes,
        "seconds": outcome.seconds,
        "unlocked": outcome.unlocked,
        "mounted": outcome.mounted,
        "error": error_json(outcome.error),
    }
