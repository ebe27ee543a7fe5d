"""What the Prefect UI shows of a run: the plan and the report as tables."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from prefect.artifacts import create_markdown_artifact

from zoffsite.model.plan import JobPlan
from zoffsite.model.report import RunReport
from zoffsite.views.markdown import plan_markdown, report_markdown
from zoffsite.views.words import report_words

log = logging.getLogger(__name__)
P = ParamSpec("P")


def best_effort(show: Callable[P, object]) -> Callable[P, None]:
    """`show`, but a Prefect server that is gone only costs the picture, never the backup."""

    @wraps(show)
    def quietly(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            show(*args, **kwargs)
        except Exception as error:  # whatever Prefect's client raises
            log.warning("Prefect could not be shown how the run goes (%s)", type(error).__name__)

    return quietly


@best_effort
def show_plan(plan: JobPlan) -> None:
    """The plan, with its reasons."""
    create_markdown_artifact(
        plan_markdown(plan), key=artifact_key("plan", plan.job), description="The plan, with reasons"
    )


@best_effort
def show_report(report: RunReport) -> None:
    """The report of the run."""
    key = artifact_key("report", report.job)
    create_markdown_artifact(report_markdown(report), key=key, description=report_words(report))


def artifact_key(*parts: str) -> str:
    """A key of the only characters that Prefect takes: a–z, 0–9 and dashes."""
    return "-".join(re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in parts)
