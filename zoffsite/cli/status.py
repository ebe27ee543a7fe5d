"""`zoffsite status`: how old is what the box holds, when did it run, how long is there room?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from zoffsite.actions.overview import overview
from zoffsite.cli.context import console, jobs_of, print_json
from zoffsite.config.loading import load
from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import ExitCode, OperationError
from zoffsite.model.overview import Overview

if TYPE_CHECKING:
    from zoffsite.config.settings import Settings
    from zoffsite.model.job import Job


class Form(Enum):
    """How it is shown."""

    TABLE = "table"
    JSON = "json"
    NAGIOS = "nagios"


def run_status(name: str | None, form: Form, prometheus: Path | None) -> int:
    """Show one job, or all; and write the metrics to a file, if one is named. The exit code."""
    settings = load()
    jobs = jobs_of(settings, name)
    seen = look(settings, jobs)
    if prometheus is not None:
        write_metrics(prometheus, seen)
    if form is Form.NAGIOS:
        from zoffsite.views.overview import nagios_lines

        code, text = nagios_lines(seen)
        print(text)
        return code
    if form is Form.JSON:
        from zoffsite.views.overview import overview_json

        print_json([overview_json(each) for each in seen])
    elif prometheus is None:
        from zoffsite.cli.status_table import draw_overview

        for job, each in zip(jobs, seen, strict=True):
            draw_overview(console(), job, each)
    return exit_code(seen)


def look(settings: Settings, jobs: Sequence[Job]) -> list[Overview]:
    """Every job at a glance; a side that is away costs only what it knows."""
    with Connections() as hosts:
        return [overview(settings, job, hosts, datetime.now(UTC)) for job in jobs]


def exit_code(seen: Sequence[Overview]) -> int:
    """Why a side could not be asked outranks a replica that is stale or not good."""
    errors = [each.error_exit for each in seen if each.error is not None]
    return max(errors) if errors else ExitCode.OK if all(each.good for each in seen) else ExitCode.SOME_FAILED


def write_metrics(path: Path, seen: Sequence[Overview]) -> None:
    """Write the file whole, for everybody to read: node exporter's textfile collector runs as a user of its own."""
    from zoffsite.files import write_whole
    from zoffsite.views.metrics import metrics_text

    try:
        write_whole(path, metrics_text(seen), mode=0o644)
    except OSError as error:
        raise OperationError(
            "write",
            f"the metrics to {path}",
            str(error.strerror),
            f"make its directory writable for this user: ls -ld {path.parent}",
            code="metrics-not-written",
        ) from error
