"""A restore drawn as JSON trees (docs/reference/json.md) and in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from shlex import quote
from typing import Any

from zoffsite.model.dataset import Kind
from zoffsite.model.property import Property
from zoffsite.model.restore import (
    TO_LOOK,
    Restoration,
    RestoreAction,
    RestoreOutcome,
    RestorePlan,
    RestoreReport,
    Wanted,
)
from zoffsite.views.evidence import by_words
from zoffsite.views.json import error_json, notice_json, time_json
from zoffsite.views.words import duration_words, size_words

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
        "estimated_seconds": None if plan.time.seconds is None else round(plan.time.seconds, 1),
        "estimated_by": plan.time.by,
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


def picked_json(plan: RestorePlan, place: str, entries: int, size: int, received: int) -> Json:
    """What `restore --path` did."""
    return {**restore_plan_json(plan), "place": place, "entries": entries, "bytes": size, "received_bytes": received}


def part_words(part: Restoration) -> str:
    """`@daily, 1.5 GiB, because it is not here yet`."""
    if part.snapshot is None:
        return part.reason
    size = f", about {size_words(part.estimated_bytes)}" if part.estimated_bytes else ""
    return f"@{part.snapshot.name}{size}: {_WORDS[part.action]}, because {part.reason}"


def key_words(part: Restoration) -> Iterator[str]:
    """Whose key opens it, as it was on the source; nothing where nothing comes back."""
    if part.key_of:
        own = part.key_of == part.dataset
        yield "opened by a key of its own" if own else f"opened by the key of {part.key_of}"


def plan_time_words(plan: RestorePlan) -> str:
    """`about 3 min 20 s, by the rate of the last drills`; "" where nothing comes."""
    if plan.time.seconds is not None:
        return f"about {duration_words(plan.time.seconds)}, {by_words(plan.time)}"
    return "nobody can tell how long that takes: nothing was measured on this way" if plan.estimated_bytes else ""


def properties_words(part: Restoration) -> Iterator[str]:
    """What is set on it, and what is only told, a line each; nothing where there is nothing of the kind."""
    if part.properties:
        yield f"sets {settings_words(part.properties)}"
    if part.properties_later:
        yield f"leaves to whoever makes it the live one: {settings_words(part.properties_later)}"


def settings_words(properties: Iterable[Property]) -> str:
    """`recordsize=1048576 'mountpoint=/my data'`, as `zfs set` takes it."""
    return " ".join(quote(each.setting) for each in properties)


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
            yield mount_words(outcome.plan.target, outcome.plan.place_to_look)
    if back and len(back) == len(report.datasets):
        yield "# look at it; to make it the live one then, with nothing using either:"
        yield from _promotion(wanted, [outcome.plan for outcome in back])
        names = " ".join(quote(outcome.plan.dataset) for outcome in back)
        yield f"zoffsite approve-key --job {report.plan.job} {names}    # then: zoffsite plan"


def mount_words(dataset: str, place: str | None) -> str:
    """What a person types to mount it for reading only; see `zfs.argv.mount_to_look`."""
    if place is None:
        return f"zfs mount -o {TO_LOOK} {quote(dataset)}"
    return f"mkdir -p {quote(place)} && mount -t zfs -o zfsutil,{TO_LOOK} {quote(dataset)} {quote(place)}"


def _promotion(wanted: Wanted, parts: Sequence[Restoration]) -> Iterator[str]:
    """Under its own name, with what reaches beyond it; mounted to be written to."""
    yield f"zfs unmount {quote(wanted.to)}    # if it is mounted"
    if wanted.to != wanted.dataset:
        yield f"zfs rename {quote(wanted.dataset)} {quote(wanted.dataset + '-old')}    # if it is still there"
        yield f"zfs rename {quote(wanted.to)} {quote(wanted.dataset)}"
    for part in parts:
        if part.properties_later:
            yield f"zfs set {settings_words(part.properties_later)} {quote(part.dataset)}"
    yield from (f"zfs mount {quote(part.dataset)}    # if it is not mounted yet" for part in _mounted(parts))


def _mounted(parts: Iterable[Restoration]) -> Iterator[Restoration]:
    """The filesystems that have a place to be mounted at; `parts` are parents first."""
    nowhere: set[str] = set()
    for part in parts:
        later = {each.name: each.value for each in part.properties_later}
        place = later.get("mountpoint", "none" if part.dataset.rpartition("/")[0] in nowhere else "")
        if place in ("none", "legacy"):
            nowhere.add(part.dataset)
        elif part.kind is Kind.FILESYSTEM and later.get("canmount") != "off":
            yield part


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
        "properties": {each.name: each.value for each in part.properties},
        "properties_later": {each.name: each.value for each in part.properties_later},
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
