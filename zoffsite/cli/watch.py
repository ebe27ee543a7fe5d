"""`zoffsite status --watch`: a run under way, whoever started it, as it goes on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from zoffsite.actions.overview import live_run
from zoffsite.cli.context import console, jobs_of
from zoffsite.config.loading import load
from zoffsite.live import steps_of
from zoffsite.model.errors import ExitCode
from zoffsite.model.overview import LiveRun, Transfer
from zoffsite.planning.schedule import next_run
from zoffsite.views.words import duration_words, rate_words, size_words

EVERY = 1.0
"""Seconds between two looks."""


def watch_runs(name: str | None) -> ExitCode:
    """Draw until Ctrl-C; once, where nobody watches."""
    settings = load()
    jobs = jobs_of(settings, name)

    def look() -> RenderableType:
        now = datetime.now(UTC)
        plans = {job.name: settings.schedule(job.name) for job in jobs}
        due = {name: next_run(plan.cron, plan.timezone, now) if plan else None for name, plan in plans.items()}
        return drawn([(job.name, live_run(settings, job, now), due[job.name]) for job in jobs], now)

    out = console()
    if not out.is_terminal:
        out.print(look())
        return ExitCode.OK
    with Live(look(), console=out, auto_refresh=False, screen=False) as screen:
        while True:
            time.sleep(EVERY)
            screen.update(look(), refresh=True)


def drawn(runs: Sequence[tuple[str, LiveRun | None, datetime | None]], now: datetime) -> RenderableType:
    """Every job: its run with a bar for each transfer, or when it is run next."""
    parts: list[RenderableType] = []
    for job, live, due in runs:
        if live is None:
            ahead = f"; the next is due at {due:%Y-%m-%d %H:%M} UTC" if due else ""
            parts.append(Text(f"{job}: no run is under way{ahead}"))
            continue
        done = f"{live.finished} datasets done" if live.finished != 1 else "1 dataset done"
        head = f": {live.verb}: {', then '.join(_from(live))}; {done} after {duration_words(now - live.started)}"
        parts.append(Text.assemble((job, "bold"), head))
        if live.transfers:
            parts.append(_bars(live.transfers))
    return Group(*parts)


def _from(live: LiveRun) -> Sequence[str]:
    """The step that goes on, and those that are to come."""
    steps = steps_of(live.verb)
    return steps[steps.index(live.step) :] if live.step in steps else (live.step,)


def _bars(transfers: Sequence[Transfer]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False, expand=True)
    table.add_column(overflow="fold")
    table.add_column(ratio=1, min_width=4)
    for _ in range(3):
        table.add_column(no_wrap=True)
    for each in transfers:
        bar = ProgressBar(total=max(each.total, 1), completed=min(each.done, max(each.total, 1)))
        size = f"{size_words(each.done)} of {size_words(each.total)}"
        table.add_row(Text(each.dataset), bar, Text(size), Text(rate_words(each.rate)), Text(_remaining(each)))
    return table


def _remaining(each: Transfer) -> str:
    if each.rate <= 0 or each.total <= each.done:
        return ""
    return f"{duration_words((each.total - each.done) / each.rate)} left"
