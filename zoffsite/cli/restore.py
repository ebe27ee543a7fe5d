"""`zoffsite restore`: bring datasets back from the box, into new ones."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from getpass import getpass

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from zoffsite.actions.carried import carried_pool
from zoffsite.actions.disk import target_needed
from zoffsite.actions.restore import plan_with_retries, preview_restore, restore
from zoffsite.actions.unlock import Keys
from zoffsite.cli.backup import stopping_on_signals
from zoffsite.cli.context import console, job_of, print_json
from zoffsite.cli.progress import shown_progress
from zoffsite.cli.report import draw_error, draw_notices
from zoffsite.config.loading import load
from zoffsite.config.mistakes import WrongValueError
from zoffsite.config.settings import Settings
from zoffsite.config.units import parse_rate
from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import ExitCode, SettingsError
from zoffsite.model.job import Job
from zoffsite.model.restore import RestorePlan, RestoreReport, Wanted
from zoffsite.views.restore import (
    key_words,
    next_steps,
    part_words,
    plan_time_words,
    properties_words,
    restore_plan_json,
    restore_report_json,
)
from zoffsite.views.words import duration_words, size_words

_DATE = len("2026-11-23")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was typed."""

    dataset: str
    to: str
    snapshot: str
    alone: bool
    key_files: Sequence[str]
    ask_key: bool
    mount: bool
    bandwidth: str | None
    from_pool: str | None


def run_restore(name: str | None, asked: Asked, *, dry_run: bool, as_json: bool) -> ExitCode:
    """Say what would come back; then, unless `dry_run`, have it come."""
    settings, now = load(), datetime.now(UTC)
    asked_job, keys, wanted, rate = (
        job_of(settings, name),
        _keys(asked),
        wanted_of(asked, to=asked.to, alone=asked.alone),
        rate_of(asked),
    )
    with Connections() as hosts, origin_of(settings, asked_job, asked, hosts, now) as job:
        if dry_run:
            plan = preview_restore(job, wanted, hosts, rate)
            if as_json:
                print_json(restore_plan_json(plan))
            else:
                _draw_plan(console(), job, plan)
                console().print("Nothing was changed. To do it, leave out --dry-run.")
            return ExitCode.OK
        with stopping_on_signals():
            plan = plan_with_retries(job, wanted, hosts, rate)
            if not as_json:
                _draw_plan(console(), job, plan)
            with shown_progress() as progress:
                report = restore(job, plan, keys, hosts, progress, rate)
    if as_json:
        print_json(restore_report_json(report))
    else:
        _draw_report(console(), job, report)
    return report.exit_code


@contextmanager
def origin_of(settings: Settings, job: Job, asked: Asked, hosts: Connections, now: datetime) -> Iterator[Job]:
    """The job, with what it is restored from at hand: its box, its disk, or the box's own disk, carried here."""
    if asked.from_pool is not None:
        with carried_pool(job, asked.from_pool, hosts) as carried:
            yield carried
        return
    with target_needed(job, hosts, settings.state_dir, now):
        yield job


def moment_of(text: str) -> datetime | None:
    """The time that `text` is, in UTC; None where it is none. Local time; a date alone is the end of that day."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) == _DATE:
        moment += timedelta(days=1, seconds=-1)
    return moment.astimezone(UTC)


def wanted_of(asked: Asked, *, to: str, alone: bool) -> Wanted:
    """What was typed, to be put there."""
    return Wanted(dataset=asked.dataset, to=to, snapshot=asked.snapshot, before=moment_of(asked.snapshot), alone=alone)


def _keys(asked: Asked) -> Keys:
    ask = asked.ask_key or (asked.mount and not asked.key_files)
    return keys_of(asked.key_files, ask=ask, mount=asked.mount)


def keys_of(key_files: Sequence[str], *, ask: bool, mount: bool = False) -> Keys:
    """Where keys come from, by what was typed. Raises SettingsError "bad-key-file", or "no-key" without a terminal."""
    files = dict(_key_file(each) for each in key_files)
    if ask and not sys.stdin.isatty():
        raise SettingsError(
            "ask for",
            "the key",
            "there is no terminal to ask on",
            "name its file: --key-file /path/to/key",
            code="no-key",
        )
    return Keys(files=files, ask=_typed if ask else None, mount=mount)


def _key_file(text: str) -> tuple[str, str]:
    dataset, found, path = text.partition("=") if not text.startswith("/") else ("", "=", text)
    if not found or not path.startswith("/"):
        raise SettingsError(
            "use",
            f"--key-file {text}",
            "this is not a whole path",
            "write the path from the root: --key-file /root/keys/home, or --key-file tank/home=/root/keys/home",
            code="bad-key-file",
        )
    return dataset, path


def rate_of(asked: Asked) -> int | None:
    """Bytes per second. Raises SettingsError "bad-rate"."""
    try:
        return parse_rate(asked.bandwidth)
    except WrongValueError as error:
        raise SettingsError(
            "use", f"--bandwidth {asked.bandwidth}", error.problem, error.remedy, code="bad-rate"
        ) from error


def _typed(dataset: str) -> str:
    return getpass(f"The key of {dataset} (it is not shown): ")


def _draw_plan(out: Console, job: Job, plan: RestorePlan) -> None:
    wanted = plan.wanted
    out.print(f"Restore of [bold]{wanted.dataset}[/]: {job.box.label} → {wanted.to} on {_here(job)}\n", soft_wrap=True)
    for name in plan.containers:
        out.print(Padding(Text(f"{name}: made, empty, as a place for what is below it"), (0, 0, 0, 2)))
    for part in plan.datasets:
        out.print(Text.assemble("  ", (part.dataset, "bold"), f" → {part.target}"))
        for words in (part_words(part), *key_words(part), *properties_words(part)):
            out.print(Padding(Text(words), (0, 0, 0, 4)))
        if part.remedy:
            out.print(Padding(Text(f"Remedy: {part.remedy}"), (0, 0, 0, 4)))
    draw_notices(out, plan.notices)
    out.print(Text(f"\nabout {size_words(plan.estimated_bytes)} to come, by the word of {job.box.place}"))
    if time := plan_time_words(plan):
        out.print(Text(time))
    out.print(Text(f"keys it will need, to be read: {', '.join(plan.keys) or 'none'}"))


def _draw_report(out: Console, job: Job, report: RestoreReport) -> None:
    """What came of the plan, which stands above it."""
    out.print()
    for outcome in report.datasets:
        style = "green" if outcome.state.good else "bold red"
        line = Text.assemble((f"  {outcome.state:<10}", style), (outcome.plan.target, "bold"))
        if outcome.bytes:
            line.append(f"  {size_words(outcome.bytes)} in {duration_words(outcome.seconds)}")
        line.append(f"  read-only at {outcome.mounted}" if outcome.mounted else "")
        out.print(line)
        if outcome.error is not None:
            draw_error(out, outcome.error.message, outcome.error.remedy)
    draw_notices(out, report.plan.notices)
    steps = list(next_steps(report))
    if steps:
        out.print(Text(f"\nNext, on {_here(job)}:"))
    for step in steps:
        out.print(Text(f"  {step}"), soft_wrap=True)  # a padding would cut what is longer than the terminal is wide


def _here(job: Job) -> str:
    return job.source.label if job.source else "this machine"
