"""Plans, reports and statuses as JSON trees: the contract of `--json` (docs/reference/json.md), and back.

GUIDs are decimal strings: they have 64 bits, and a JSON number is exact only up to 53 of them in many readers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from zoffsite.model.errors import ExitCode
from zoffsite.model.notice import Notice
from zoffsite.model.plan import (
    Conflict,
    DatasetPlan,
    FullSend,
    HookPlan,
    IncrementalSend,
    JobPlan,
    PrunePlan,
    Refused,
    ResumeSend,
)
from zoffsite.model.report import DatasetOutcome, DatasetResult, ErrorReport, RunReport
from zoffsite.model.status import Base, JobStatus, ReplicaStatus
from zoffsite.model.version import Bookmark, Snapshot, Version

Json = dict[str, Any]


def plan_json(plan: JobPlan) -> Json:
    """What a run would do."""
    return {
        "job": plan.job,
        "datasets": [_dataset_json(dataset) for dataset in plan.datasets],
        "prune": [_prune_json(prune) for prune in plan.prune],
        "hooks": [_hook_json(hook) for hook in plan.hooks],
        "notices": [notice_json(notice) for notice in plan.notices],
    }


def report_json(report: RunReport) -> Json:
    """What a run did."""
    return {
        "job": report.job,
        "run": report.run,
        "state": report.state.value,
        "started": time_json(report.started),
        "seconds": report.seconds,
        "datasets": [_outcome_json(outcome) for outcome in report.datasets],
        "notices": [notice_json(notice) for notice in report.notices],
        "error": error_json(report.error),
        "exit_code": int(report.exit_code),
    }


def status_json(status: JobStatus) -> Json:
    """How each replica stands."""
    return {
        "job": status.job,
        "when": time_json(status.when),
        "replicas": [_replica_json(replica, status.when) for replica in status.replicas],
        "notices": [notice_json(notice) for notice in status.notices],
    }


def report_from_json(tree: Any) -> RunReport:
    """The report that `report_json` drew; ValueError if `tree` is not one."""
    try:
        error = _error_from(tree["error"])
        return RunReport(
            job=str(tree["job"]),
            run=str(tree["run"]),
            started=datetime.fromisoformat(tree["started"]),
            seconds=float(tree["seconds"]),
            datasets=tuple(_outcome_from(outcome) for outcome in tree["datasets"]),
            error=error,
            error_exit=ExitCode(tree["exit_code"]) if error else None,
            notices=_notices_from(tree),
        )
    except (KeyError, TypeError, AttributeError) as cause:
        raise ValueError(f"this is not a report: {cause!r}") from cause


def _dataset_json(plan: DatasetPlan) -> Json:
    steps = plan.steps if isinstance(plan, FullSend | IncrementalSend | ResumeSend) else ()
    trouble = plan if isinstance(plan, Conflict | Refused) else None
    return {
        "source": plan.source,
        "replica": plan.replica,
        "action": plan.action,
        "base": _base_json(steps[0].base) if steps else None,
        "to": _to_json(steps[-1].to) if steps else None,
        "estimated_bytes": sum(step.estimated_bytes for step in steps),
        "reason": plan.reason,
        "code": trouble.code if trouble else None,
        "remedy": trouble.remedy if trouble else None,
    }


def _base_json(base: Version | None) -> Json | None:
    if base is None:
        return None
    kind = "bookmark" if isinstance(base, Bookmark) else "snapshot"
    return {"kind": kind, "name": base.name, "guid": str(base.guid)}


def _to_json(snapshot: Snapshot) -> Json:
    if not snapshot.taken:
        return {"name": snapshot.name, "guid": None, "planned": True}
    return {"name": snapshot.name, "guid": str(snapshot.guid), "planned": False}


def _prune_json(prune: PrunePlan) -> Json:
    return {
        "side": prune.side.value,
        "dataset": prune.dataset,
        "destroy": [snapshot.name for snapshot in prune.destroy],
        "keep": [{"name": kept.snapshot.name, "reasons": list(kept.reasons)} for kept in prune.keep],
    }


def _hook_json(plan: HookPlan) -> Json:
    return {
        "datasets": list(plan.datasets),
        "before": list(plan.hook.before),
        "after": list(plan.hook.after),
        "timeout_seconds": plan.hook.timeout,
    }


def _outcome_json(outcome: DatasetOutcome) -> Json:
    return {
        "source": outcome.source,
        "replica": outcome.replica,
        "state": outcome.state.value,
        "bytes": outcome.bytes,
        "seconds": outcome.seconds,
        "snapshot": outcome.snapshot,
        "guid": _guid(outcome.guid),
        "verified": outcome.verified,
        "pruned": {"source": outcome.pruned_source, "box": outcome.pruned_box},
        "notices": [notice_json(notice) for notice in outcome.notices],
        "error": error_json(outcome.error),
    }


def _outcome_from(tree: Mapping[str, Any]) -> DatasetOutcome:
    return DatasetOutcome(
        source=str(tree["source"]),
        replica=str(tree["replica"]),
        state=DatasetResult(tree["state"]),
        bytes=int(tree["bytes"]),
        seconds=float(tree["seconds"]),
        snapshot=tree["snapshot"],
        guid=None if tree["guid"] is None else int(tree["guid"]),
        verified=bool(tree["verified"]),
        pruned_source=int(tree["pruned"]["source"]),
        pruned_box=int(tree["pruned"]["box"]),
        error=_error_from(tree["error"]),
        notices=_notices_from(tree),
    )


def notice_json(notice: Notice) -> Json:
    """What a person should know."""
    return {
        "code": notice.code,
        "subject": notice.subject,
        "message": notice.message,
        "remedy": notice.remedy,
        "alert": notice.alert,
    }


def _notices_from(tree: Mapping[str, Any]) -> tuple[Notice, ...]:
    """Reports of earlier versions had none."""
    return tuple(
        Notice(
            code=str(each["code"]),
            subject=str(each["subject"]),
            message=str(each["message"]),
            remedy=str(each["remedy"]),
            alert=bool(each["alert"]),
        )
        for each in tree.get("notices", ())
    )


def error_json(error: ErrorReport | None) -> Json | None:
    """What went wrong, if anything did."""
    if error is None:
        return None
    return {"code": error.code, "message": error.message, "remedy": error.remedy, "transient": error.transient}


def _error_from(tree: Mapping[str, Any] | None) -> ErrorReport | None:
    if tree is None:
        return None
    return ErrorReport(
        code=str(tree["code"]),
        message=str(tree["message"]),
        remedy=str(tree["remedy"]),
        transient=bool(tree["transient"]),
    )


def _replica_json(replica: ReplicaStatus, when: datetime) -> Json:
    return {
        "source": replica.source,
        "replica": replica.replica,
        "newest": replica.newest,
        "guid": _guid(replica.guid),
        "taken": time_json(replica.taken),
        "as_of": time_json(replica.as_of),
        "age_seconds": (when - replica.as_of).total_seconds() if replica.as_of else None,
        "used": replica.used,
        "freshness": replica.freshness.value,
        "objective_seconds": replica.objective.total_seconds(),
        "base": _base_status_json(replica.base),
        "good": replica.good,
        "word": replica.word.value,
        "error": error_json(replica.error),
    }


def _base_status_json(base: Base | None) -> Json | None:
    return None if base is None else {"snapshot": base.snapshot, "bookmark": base.bookmark, "room": base.room}


def _guid(guid: int | None) -> str | None:
    return None if guid is None else str(guid)


def time_json(moment: datetime | None) -> str | None:
    """UTC, ending in Z."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
