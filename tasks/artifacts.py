"""What the Prefect UI shows of a run: plan, retention, report, ages and the last runs, as tables and a picture."""

from __future__ import annotations

import re
from collections.abc import Sequence

from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort
from prefect.context import FlowRunContext

from tasks.telling import best_effort
from zoffsite.model.evidence import Confidence
from zoffsite.model.history import PastRun
from zoffsite.model.job import Job
from zoffsite.model.plan import JobPlan
from zoffsite.model.report import RunReport
from zoffsite.model.status import JobStatus
from zoffsite.planning.capacity import days_left_by
from zoffsite.views.markdown import freshness_markdown, plan_markdown, report_markdown, retention_markdown
from zoffsite.views.runs import runs_markdown
from zoffsite.views.words import report_words


@best_effort
def show_plan(plan: JobPlan) -> None:
    """The plan, with its reasons; and what the retention keeps and destroys, where it destroys anything."""
    _show("plan", plan.job, plan_markdown(plan), "The plan, with reasons")
    if plan.prune:
        _show("retention", plan.job, retention_markdown(plan), "What is kept and destroyed, with reasons")


@best_effort
def show_report(report: RunReport, pool: str | None = None, *, once: bool = False) -> None:
    """The report of the run. `pool` is this machine's, where no run says it."""
    _show("report", report.job, report_markdown(report), report_words(report), pool, once=once)


@best_effort
def show_freshness(job: Job, found: JobStatus, confidence: Confidence) -> None:
    """How old each replica is, and what shows that it can come back."""
    _show("freshness", job.name, freshness_markdown(found, confidence), "How old the data on the box is")


@best_effort
def show_runs(job: str, past: Sequence[PastRun], pool: str | None = None, *, once: bool = False) -> None:
    """The last runs, be they Prefect's or not: what was run while its server was down is seen here later."""
    words = "The last runs, whoever started them"
    _show("runs", job, runs_markdown(job, past, days_left_by(past)), words, pool, once=once)


def _show(what: str, of: str, markdown: str, words: str, pool: str | None = None, *, once: bool = False) -> None:
    """`once`: not again, where it is what the server has already."""
    key = artifact_key(what, of, pool)
    if not (once and _newest(key) == markdown):
        create_markdown_artifact(markdown, key=key, description=words)


def _newest(key: str) -> object:
    wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=wanted, sort=ArtifactSort.UPDATED_DESC, limit=1)
    return found[0].data if found else None


def artifact_key(what: str, of: str, pool: str | None = None) -> str:
    """A key of the only characters that Prefect takes: a–z, 0–9 and dashes.

    With the work pool of the run, which is one machine's: others have jobs and datasets of the same name.
    """
    parts = (what, pool or _pool_of_run(), of)
    return "-".join(re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in parts if part)


def _pool_of_run() -> str | None:
    context = FlowRunContext.get()
    return context.flow_run.work_pool_name if context is not None and context.flow_run is not None else None
