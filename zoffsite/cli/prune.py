"""`zoffsite prune`: apply the retention of a job, without a backup."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from zoffsite.actions.disk import target_needed
from zoffsite.actions.tidy import prune_job, prune_plan
from zoffsite.cli.backup import stopping_on_signals
from zoffsite.cli.context import console, job_of, print_json
from zoffsite.cli.plan import draw_prunes
from zoffsite.cli.report import draw_report
from zoffsite.config.loading import load
from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import ExitCode
from zoffsite.views.json import plan_json, report_json


def run_prune(name: str | None, only: Sequence[str], *, wait: bool, as_json: bool) -> ExitCode:
    """Prune and print the report; the exit code that goes with it."""
    settings = load()
    job = job_of(settings, name)
    with stopping_on_signals():
        report = prune_job(settings, job, only, unattended=wait)
    if as_json:
        print_json(report_json(report))
    else:
        draw_report(console(), report)
    return report.exit_code


def show_prune(name: str | None, only: Sequence[str], *, as_json: bool) -> None:
    """Print what pruning would destroy, and change nothing."""
    settings, now = load(), datetime.now(UTC)
    job = job_of(settings, name)
    with Connections() as hosts, target_needed(job, hosts, settings.state_dir, now):
        plan = prune_plan(job, hosts, only, now)
    if as_json:
        print_json(plan_json(plan))
        return
    out = console()
    draw_prunes(out, plan)
    out.print(f"{sum(each.destroys for each in plan.prune)} snapshots to prune. Nothing was changed.")
