"""`zoffsite config check`: all mistakes at once, before anything runs."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from zoffsite.actions.inspect import inspect_job
from zoffsite.cli.context import console
from zoffsite.config.loading import load, problems
from zoffsite.config.settings import Settings
from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import ExitCode
from zoffsite.model.job import Job
from zoffsite.views.words import size_words


def check(*, offline: bool) -> ExitCode:
    """Check the files; if they are right, and unless `offline`, the hosts, the datasets and the permissions."""
    out = console()
    found = problems()
    for problem in found:
        _draw(out, f"{problem.place}: {problem.key}: {problem.message}", problem.remedy)
    if found:
        out.print(f"{_count(len(found))} in the settings; nothing else was checked")
        return ExitCode.USAGE
    settings = load()
    out.print(Text.assemble(("ok  ", "green"), f"{settings.file}"), soft_wrap=True)
    return ExitCode.OK if offline else _check_hosts(out, settings)


def _check_hosts(out: Console, settings: Settings) -> ExitCode:
    stops = 0
    with Connections() as hosts:
        for job in settings.jobs.values():
            found = inspect_job(job, hosts, settings.state_dir, datetime.now(UTC))
            for problem, remedy in found.problems:
                _draw(out, f"job {job.name}: {problem}", remedy)
            if not found.problems:
                out.print(Text.assemble(("ok  ", "green"), _good(job, found.room)), soft_wrap=True)
            stops += len(found.problems)
    if stops:
        out.print(_count(stops))
    return ExitCode.SOME_FAILED if stops else ExitCode.OK


def _good(job: Job, room: int) -> str:
    source = job.source.label if job.source else "this machine"
    free = f"{size_words(max(room, 0))} free" + (" beside the reserve" if job.reserve else "")
    return f"job {job.name}: {source} → {job.root} on {job.box.label}, {free}"


def _draw(out: Console, problem: str, remedy: str) -> None:
    out.print(Text(problem, "bold red"), soft_wrap=True)
    out.print(Padding(Text(f"Next: {remedy}"), (0, 0, 0, 2)))


def _count(number: int) -> str:
    return "1 problem" if number == 1 else f"{number} problems"
