"""`zoffsite drill`: does it come back, whole, and how long does it take?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.padding import Padding
from rich.text import Text

from zoffsite.actions.disk import target_needed
from zoffsite.actions.drill import DrillReport, drill_job, plan_drill
from zoffsite.actions.unlock import Keys
from zoffsite.cli.backup import stopping_on_signals
from zoffsite.cli.context import console, job_of, print_json
from zoffsite.cli.progress import shown_progress
from zoffsite.cli.report import draw_error, draw_report
from zoffsite.config.loading import load
from zoffsite.hosts.connections import Connections
from zoffsite.model.drill import DrillOutcome, DrillPlan, DrillResult
from zoffsite.model.errors import ExitCode
from zoffsite.views.drill import drill_outcome_json, drill_plan_json
from zoffsite.views.json import report_json
from zoffsite.views.words import duration_words, rate_words, size_words


def run_drill(name: str | None, only: Sequence[str], keys: Keys, *, as_json: bool) -> ExitCode:
    """Drill what was asked for, else what was drilled longest ago, and the canary."""
    settings = load()
    job = job_of(settings, name)
    with stopping_on_signals(), shown_progress() as progress:
        report = drill_job(settings, job, only, keys=keys, progress=progress)
    if as_json:
        plan = drill_plan_json(report.plan) if report.plan else {}
        drills = [drill_outcome_json(outcome) for outcome in report.outcomes]
        print_json({**plan, **report_json(report.run), "drills": drills})
    else:
        draw_drills(report)
    return report.run.exit_code


def show_drill(name: str | None, only: Sequence[str], *, as_json: bool) -> ExitCode:
    """Only say what would be drilled."""
    settings, now = load(), datetime.now(UTC)
    job = job_of(settings, name)
    with Connections() as hosts, target_needed(job, hosts, settings.state_dir, now):
        plan = plan_drill(job, only, hosts, now)
    if as_json:
        print_json(drill_plan_json(plan))
    else:
        draw_turns(plan)
    return ExitCode.OK


def draw_turns(plan: DrillPlan) -> None:
    """Whose turn it is."""
    out = console()
    for each in plan.chosen:
        last = f"drilled {each.drilled:%Y-%m-%d}" if each.drilled else "never drilled"
        out.print(Text.assemble("  ", (each.dataset, "bold"), f" @{each.ours.name}, {size_words(each.size)}, {last}"))
    out.print(Text(f"{len(plan.chosen)} to drill now, {plan.others} more have their turn later. Nothing was changed."))


def draw_drills(report: DrillReport) -> None:
    """What came of each drill, then the run."""
    out = console()
    for outcome in report.outcomes:
        good = outcome.state is DrillResult.PASSED
        mark = Text(f"{outcome.state:<10}", "green" if good else "bold red")
        out.print(Text.assemble(mark, (outcome.drillable.dataset, "bold"), f" {_words(outcome)}"))
        if outcome.error is not None:
            draw_error(out, outcome.error.message, outcome.error.remedy)
        for each in outcome.compared.first if outcome.compared else ():
            out.print(Padding(Text(f"{each.path or 'the whole'}: {each.what}", "red"), (0, 0, 0, 4)))
    draw_report(out, report.run)
    if report.plan is not None and report.plan.others:
        out.print(Text(f"{report.plan.others} more have their turn later"))


def _words(outcome: DrillOutcome) -> str:
    """`@daily: 1.5 GiB there after 3 minutes (8.5 MiB/s); 12034 files and 1.7 GiB compared`."""
    words = f"@{outcome.drillable.ours.name}"
    if outcome.recovery is not None:
        rate = rate_words(outcome.bytes / max(outcome.recovery, 0.001))
        words += f": {size_words(outcome.bytes)} there after {duration_words(outcome.recovery)} ({rate})"
    if outcome.compared is not None:
        words += f"; {outcome.compared.entries} files and {size_words(outcome.compared.bytes)} compared"
    return words
