"""`zoffsite prove`: does the box still hold it?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from rich.padding import Padding
from rich.text import Text

from zoffsite.actions.disk import target_needed
from zoffsite.actions.prove import Scope, plan_proofs, prove, prove_job
from zoffsite.cli.backup import stopping_on_signals
from zoffsite.cli.context import console, job_of, print_json
from zoffsite.cli.progress import shown_progress
from zoffsite.cli.report import draw_error, draw_report
from zoffsite.config.loading import load
from zoffsite.config.mistakes import WrongValueError
from zoffsite.config.units import parse_duration, parse_size
from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import ExitCode, SettingsError
from zoffsite.model.job import Job
from zoffsite.model.proof import ProofPlan, ProofReport, ProofResult
from zoffsite.planning.proving import words_of
from zoffsite.planning.rotation import beyond_words, overdue_words
from zoffsite.views.json import report_json
from zoffsite.views.proof import proof_plan_json, proof_report_json
from zoffsite.views.words import duration_words, size_words

T = TypeVar("T")


def run_prove(
    name: str | None, only: Sequence[str], within: str | None, at_most: str | None, *, dry_run: bool, as_json: bool
) -> ExitCode:
    """Prove what is due of one job, or only say what would be."""
    settings, now = load(), datetime.now(UTC)
    job = job_of(settings, name)
    scope = _scope(job, only, within, at_most)
    with Connections() as hosts, target_needed(job, hosts, settings.state_dir, now):
        if dry_run:
            plan = plan_proofs(job, scope, hosts, now)
            if as_json:
                print_json(proof_plan_json(plan))
            else:
                _draw_plan(plan)
            return ExitCode.OK
        with stopping_on_signals(), shown_progress() as progress:
            report = prove(job, scope, hosts, now, progress)
    if as_json:
        print_json(proof_report_json(report))
    else:
        _draw_report(job, report)
    return report.exit_code


def prove_and_tell(
    name: str | None, only: Sequence[str], within: str | None, at_most: str | None, *, as_json: bool
) -> ExitCode:
    """The same as a run, with a report that is saved, and alerts where something is wrong."""
    settings = load()
    job = job_of(settings, name)
    with stopping_on_signals():
        report = prove_job(settings, job, _scope(job, only, within, at_most))
    if as_json:
        print_json(report_json(report))
    else:
        draw_report(console(), report)
    return report.exit_code


def _scope(job: Job, only: Sequence[str], within: str | None, at_most: str | None) -> Scope:
    """What the options say, else the job's settings."""
    scope = Scope.of(job, only)
    if within is not None:
        age = timedelta(0) if within == "0" else _read("--within", within, parse_duration)
        scope = replace(scope, within=age)
    if at_most is not None:
        scope = replace(scope, at_most=_read("--at-most", at_most, parse_size))
    return scope


def _read(option: str, text: str, parse: Callable[[object], T]) -> T:
    try:
        return parse(text)
    except WrongValueError as error:
        raise SettingsError("use", f"{option} {text}", error.problem, error.remedy, code="bad-value") from error


def _draw_plan(plan: ProofPlan) -> None:
    out = console()
    for each in plan.chosen:
        out.print(Text.assemble("  ", (each.dataset, "bold"), f" {words_of(each)}, about {size_words(each.size)}"))
    total = size_words(sum(each.size for each in plan.chosen))
    out.print(Text(f"{len(plan.chosen)} streams to prove, about {total} to read on each side; nothing is sent."))
    _draw_rest(plan)


def _draw_report(job: Job, report: ProofReport) -> None:
    out = console()
    for outcome in report.outcomes:
        good = outcome.state is ProofResult.PROVED
        mark = Text(f"{outcome.state:<10}", "green" if good else "bold red")
        words = f" {words_of(outcome.provable)}, {size_words(outcome.bytes)} in {duration_words(outcome.seconds)}"
        out.print(Text.assemble(mark, (outcome.provable.dataset, "bold"), words))
        if outcome.error is not None:
            draw_error(out, outcome.error.message, outcome.error.remedy)
    proved = [outcome for outcome in report.outcomes if outcome.state is ProofResult.PROVED]
    size = size_words(sum(outcome.bytes for outcome in proved))
    out.print(Text(f"{job.name}: {len(proved)} of {len(report.outcomes)} streams proved, {size}"))
    _draw_rest(report.plan)


def _draw_rest(plan: ProofPlan) -> None:
    out = console()
    if plan.fresh:
        out.print(Text(f"{plan.fresh} were proved within the time"))
    if plan.later:
        out.print(Text(f"{plan.later} more are due: run it again"))
    if plan.overdue:
        out.print(Text(overdue_words(plan), "yellow"))
    for dataset, count in plan.beyond.items():
        out.print(Padding(Text(f"{dataset}: {beyond_words(count)}"), (0, 0, 0, 2)))
    for dataset in plan.unprovable:
        out.print(Padding(Text(f"{dataset}: the two sides share no snapshot to prove"), (0, 0, 0, 2)))
