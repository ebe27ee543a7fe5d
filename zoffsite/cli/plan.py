"""`zoffsite plan`: what a run would do, and why."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from zoffsite.actions.disk import target_needed
from zoffsite.actions.plan import preview
from zoffsite.actions.send import estimated_bytes
from zoffsite.cli.context import console, job_of, print_json
from zoffsite.cli.report import draw_notices
from zoffsite.config.loading import load
from zoffsite.hosts.connections import Connections
from zoffsite.model.job import Job
from zoffsite.model.plan import Conflict, JobPlan, Refused
from zoffsite.planning.bandwidth import rate_at
from zoffsite.views.json import plan_json
from zoffsite.views.words import duration_words, plan_words, rate_words, size_words

STYLES = {"full": "cyan", "incremental": "cyan", "resume": "cyan", "up-to-date": "green"}


def show_plan(name: str | None, only: Sequence[str], *, as_json: bool) -> None:
    """Print the plan of one job."""
    settings, now = load(), datetime.now(UTC)
    job = job_of(settings, name)
    with Connections() as hosts, target_needed(job, hosts, settings.state_dir, now):
        plan = preview(job, hosts, now, only)
    if as_json:
        print_json(plan_json(plan))
    else:
        draw_plan(console(), job, plan)


def draw_plan(out: Console, job: Job, plan: JobPlan) -> None:
    """The plan as text, a dataset in two or three lines."""
    source = job.source.label if job.source else "this machine"
    out.print(f"Job [bold]{job.name}[/]: {source} → {job.root} on {job.box.label}\n", soft_wrap=True)
    rate = rate_at(job, datetime.now().time())
    for each in plan.datasets:
        style = STYLES.get(each.action, "bold red")
        out.print(Text.assemble((f"  {each.action:<12}", style), (each.source, "bold")))
        out.print(Padding(Text(plan_words(each, rate)), (0, 0, 0, 4)))
        if isinstance(each, Conflict | Refused):
            out.print(Padding(Text(f"Remedy: {each.remedy}"), (0, 0, 0, 4)))
    draw_notices(out, plan.notices)
    out.print()
    draw_hooks(out, plan)
    draw_summary(out, job, plan, rate)


def draw_hooks(out: Console, plan: JobPlan) -> None:
    """The commands around the snapshot; a plan runs none of them."""
    for each in plan.hooks:
        for when, command in (("before", each.hook.before), ("after", each.hook.after)):
            if command:
                out.print(Text(f"{when} the snapshot of {', '.join(each.datasets)}: {shlex.join(command)}"))


def draw_summary(out: Console, job: Job, plan: JobPlan, rate: int | None) -> None:
    """Totals, and the command that carries the plan out. `rate` is bytes per second at this time of the day."""
    total = sum(estimated_bytes(each) for each in plan.datasets)
    words = f"about {size_words(total)} to send"
    if rate and total:
        words += f", {duration_words(total / rate)} at {rate_words(rate)}"
    pruned = sum(each.destroys for each in plan.prune)
    out.print(f"{len(plan.to_snapshot)} snapshots to take, {words}, {pruned} snapshots to prune.")
    draw_prunes(out, plan)
    out.print(f"Nothing was changed. To do it: zoffsite backup --job {job.name}")


def draw_prunes(out: Console, plan: JobPlan) -> None:
    """The snapshots that would be destroyed."""
    for prune in plan.prune:
        names = ", ".join(snapshot.name for snapshot in prune.destroy)
        out.print(Padding(Text(f"prune {prune.dataset} ({prune.side}): {names}"), (0, 0, 0, 2)))
