"""`zoffsite status`: how old is what the box holds, when did it run, how long is there room?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
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


log = logging.getLogger(__name__)


def run_status(name: str | None, prometheus: Path | None, *, as_json: bool) -> int:
    """Show one job, or all; and write the metrics to a file, if one is named. The exit code."""
    jobs, seen = _look_and_write(name, prometheus)
    if as_json:
        from zoffsite.views.overview import overview_json

        print_json([overview_json(each) for each in seen])
    elif prometheus is None:
        from zoffsite.cli.status_table import draw_overview

        for job, each in zip(jobs, seen, strict=True):
            draw_overview(console(), job, each)
    return exit_code(seen)


def run_for_monitor(name: str | None, prometheus: Path | None) -> int:
    """The same as a monitoring plugin. Whatever goes wrong is UNKNOWN to it: our own exit codes mean others there."""
    from zoffsite.views.overview import nagios_lines, unknown_line

    try:
        _, seen = _look_and_write(name, prometheus)
        code, text = nagios_lines(seen)
    except Exception as error:  # a traceback would end in 1, which is WARNING
        log.debug("the status cannot be told", exc_info=True)
        code, text = unknown_line(error)
    print(text)
    return code


def _look_and_write(name: str | None, prometheus: Path | None) -> tuple[list[Job], list[Overview]]:
    settings = load()
    jobs = jobs_of(settings, name)
    seen = look(settings, jobs)
    if prometheus is not None:
        write_metrics(prometheus, seen)
    return jobs, seen


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
