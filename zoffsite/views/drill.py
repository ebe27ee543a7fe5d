"""Drills drawn as JSON trees (docs/reference/json.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoffsite.model.drill import Comparison, Difference, Drillable, DrillOutcome, DrillPlan
from zoffsite.views.json import error_json, time_json

Json = dict[str, Any]


def drill_plan_json(plan: DrillPlan) -> Json:
    """What would be drilled."""
    return {
        "job": plan.job,
        "drills": [_drillable_json(each) for each in plan.chosen],
        "others": plan.others,
        "nothing_there": list(plan.nothing_there),
        "foreign": [dataset for dataset, _ in plan.foreign],
    }


def drill_outcome_json(outcome: DrillOutcome) -> Json:
    """What became of one drill."""
    return {
        **_drillable_json(outcome.drillable),
        "state": outcome.state.value,
        "bytes": outcome.bytes,
        "recovery_seconds": outcome.recovery,
        "seconds": outcome.seconds,
        "compared": _comparison_json(outcome.compared) if outcome.compared else None,
        "error": error_json(outcome.error),
    }


def _drillable_json(each: Drillable) -> Json:
    return {
        "dataset": each.dataset,
        "replica": each.replica,
        "snapshot": each.ours.name,
        "guid": str(each.ours.guid),
        "estimated_bytes": each.size,
        "drilled_before": time_json(each.drilled),
    }


def _comparison_json(compared: Comparison) -> Json:
    return {
        "entries": compared.entries,
        "bytes": compared.bytes,
        "differ": compared.differ,
        "first": _differences_json(compared.first),
        "unread": compared.unread,
        "first_unread": _differences_json(compared.first_unread),
    }


def _differences_json(differences: Sequence[Difference]) -> list[Json]:
    return [{"path": each.path, "what": each.what} for each in differences]
