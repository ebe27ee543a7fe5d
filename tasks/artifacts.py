"""What the Prefect UI shows of a run: the plan and the report as tables, progress while sending."""

from __future__ import annotations

import re
from uuid import UUID

from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from zoffsite.views.markdown import plan_markdown, report_markdown

from zoffsite.actions.progress import Meter, MeteredProgress, log_progress_line
from zoffsite.model.plan import JobPlan
from zoffsite.model.report import RunReport

EVERY = 3.0
"""Seconds between two updates of a transfer's progress artifact (13 ms each)."""


def show_plan(plan: JobPlan) -> None:
    """The plan, with its reasons."""
    create_markdown_artifact(plan_markdown(plan), key=artifact_key("plan", plan.job), description="The plan of a run")


def show_report(report: RunReport) -> None:
    """The report of the run."""
    key = artifact_key("report", report.job)
    create_markdown_artifact(report_markdown(report), key=key, description="The report of a run")


def artifact_key(*parts: str) -> str:
    """A key of the only characters that Prefect takes: a–z, 0–9 and dashes."""
    return "-".join(re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in parts)


def artifact_progress() -> MeteredProgress:
    """Progress as a log line and a bar in the UI."""
    bars: dict[str, UUID] = {}

    def draw(dataset: str, meter: Meter, last: bool) -> None:
        log_progress_line(dataset, meter, last)
        percent = round(meter.percent, 1)
        if dataset in bars:
            update_progress_artifact(bars[dataset], progress=percent, description=meter.words())
            return
        created = create_progress_artifact(percent, key=artifact_key("send", dataset), description=meter.words())
        assert isinstance(created, UUID)  # noqa: S101 - we are never in an async context
        bars[dataset] = created

    return MeteredProgress(draw, every=EVERY)
