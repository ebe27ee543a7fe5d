"""`zoffsite status`: how old is what the box holds?"""

from __future__ import annotations

from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from zoffsite.actions.status import status_at_hand
from zoffsite.cli.context import console, jobs_of, print_json
from zoffsite.cli.report import draw_notices
from zoffsite.config.loading import load
from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import ExitCode
from zoffsite.model.job import Job
from zoffsite.model.status import Freshness, JobStatus, ReplicaStatus
from zoffsite.views.json import status_json
from zoffsite.views.words import duration_words, size_words

STYLES = {Freshness.OK: "green", Freshness.WARNING: "yellow", Freshness.CRITICAL: "bold red"}


def run_status(name: str | None, *, as_json: bool) -> ExitCode:
    """Show the replicas of one job, or of all; exit 1 when any is stale or not good."""
    settings = load()
    jobs = jobs_of(settings, name)
    with Connections() as hosts:
        found = [status_at_hand(job, hosts, settings.state_dir, datetime.now(UTC)) for job in jobs]
    if as_json:
        print_json([status_json(each) for each in found])
    else:
        for job, each in zip(jobs, found, strict=True):
            _draw(job, each)
    good = all(replica.good for each in found for replica in each.replicas)
    return ExitCode.OK if good else ExitCode.SOME_FAILED


def _draw(job: Job, found: JobStatus) -> None:
    out = console()
    out.print(f"Job [bold]{job.name}[/]: no replica should be older than {duration_words(job.objective)}\n")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("Dataset", "State", "Newest snapshot", "Data as of"):
        table.add_column(title, overflow="fold")
    table.add_column("Size", justify="right")
    for replica in found.replicas:
        table.add_row(*_row(replica, found.when))
    if found.replicas:
        out.print(table)
    draw_notices(out, found.notices)
    for replica in found.replicas:
        if replica.error is not None:
            out.print(Text(f"\n{replica.error.message}\n  Next: {replica.error.remedy}", "red"))


def _row(replica: ReplicaStatus, now: datetime) -> tuple[Text, ...]:
    style = STYLES[replica.freshness] if replica.error is None else "bold red"
    state = replica.freshness.upper() if replica.error is None else "NOT GOOD"
    return (
        Text(replica.source),
        Text(state, style),
        Text(f"{replica.taken:%Y-%m-%d %H:%M:%S}" if replica.taken else "nothing"),
        Text(f"{duration_words(now - replica.as_of)} ago" if replica.as_of else "never"),
        Text(size_words(replica.used)),
    )
