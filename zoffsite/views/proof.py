"""Proofs drawn as JSON trees (docs/reference/json.md)."""

from __future__ import annotations

from typing import Any

from zoffsite.model.proof import ProofOutcome, ProofPlan, ProofReport, Provable
from zoffsite.views.json import error_json, time_json

Json = dict[str, Any]


def proof_plan_json(plan: ProofPlan) -> Json:
    """What would be proved."""
    return {
        "job": plan.job,
        "proofs": [_provable_json(each) for each in plan.chosen],
        "later": plan.later,
        "fresh": plan.fresh,
        "overdue": len(plan.overdue),
        "unprovable": list(plan.unprovable),
        "beyond_proof": dict(plan.beyond),
    }


def proof_report_json(report: ProofReport) -> Json:
    """What was proved."""
    return {
        **proof_plan_json(report.plan),
        "started": time_json(report.started),
        "seconds": report.seconds,
        "proofs": [_outcome_json(each) for each in report.outcomes],
        "exit_code": int(report.exit_code),
    }


def _provable_json(each: Provable) -> Json:
    _, base, to = each.unit
    return {
        "dataset": each.dataset,
        "replica": each.replica,
        "snapshot": each.ours.to.name,
        "guid": str(to),
        "base": each.ours.base.name if each.ours.base else None,
        "base_guid": str(base) if base else None,
        "estimated_bytes": each.size,
        "proved_before": time_json(each.proved),
        "by_challenge": each.challenge is not None,
    }


def _outcome_json(outcome: ProofOutcome) -> Json:
    return {
        **_provable_json(outcome.provable),
        "state": outcome.state.value,
        "bytes": outcome.bytes,
        "seconds": outcome.seconds,
        "error": error_json(outcome.error),
    }
