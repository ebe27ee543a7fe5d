"""`zoffsite deploy`: set this machine up so that the jobs run by themselves, and say what was done."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from rich.console import Console

from zoffsite.actions.deploy import Machine, carry_out, commands, describe, plan_deployment
from zoffsite.cli.context import console
from zoffsite.config.loading import load
from zoffsite.config.variables import everybodys_variables
from zoffsite.deploy.changes import Change, Fate
from zoffsite.deploy.quoting import api_url, listening
from zoffsite.deploy.spec import LOOPBACK, Deployment, Way
from zoffsite.deploy.units import ENVIRONMENT
from zoffsite.model.errors import ExitCode, SettingsError


def run_deploy(
    way: Way, *, listen: str | None, port: int, pool: str | None, api: str | None, root: Path, dry_run: bool
) -> ExitCode:
    """Make the changes that are needed, or only name them."""
    settings = load()
    name = pool or socket.gethostname().partition(".")[0]
    deployment = describe(
        settings,
        way,
        listen=listening(listen) if listen is not None else LOOPBACK,
        port=port,
        pool=name if way is Way.WORKER else "",
        api=api_url(api) if api is not None else "",
    )
    if way is Way.TIMERS and not deployment.timed:
        raise SettingsError(
            "deploy",
            str(settings.file),
            "no job has a schedule",
            'add [job.NAME.schedule] with cron = "0 3 * * *"',
            code="no-schedule",
        )
    machine = Machine(root=root)
    planned = plan_deployment(deployment, machine, everybodys_variables(settings.file.parent, os.environ))
    unfinished = machine.unfinished
    if dry_run:
        said = tuple(map(" ".join, commands(deployment, planned, unfinished=unfinished)))
    else:
        said = carry_out(deployment, machine, planned)
    _draw(console(), planned, said, unfinished=unfinished)
    if dry_run:
        console().print("Nothing was changed.")
    else:
        _draw_next(console(), deployment, machine)
    return ExitCode.OK


def _draw(out: Console, planned: tuple[Change, ...], said: tuple[str, ...], *, unfinished: bool) -> None:
    for change in planned:
        out.print(f"{change.fate:<8} {change.path}{' (secret)' if change.secret else ''}", markup=False, soft_wrap=True)
    for line in said:
        out.print(f"run      {line}", markup=False, soft_wrap=True)
    if unfinished:
        out.print("An earlier deployment was cut off: what it set up is started anew.")
    elif all(change.fate is Fate.SAME for change in planned):
        out.print("All is as it should be.")


def _draw_next(out: Console, deployment: Deployment, machine: Machine) -> None:
    if not machine.live:
        out.print("systemd does not run here: nothing was started.")
    if deployment.way is Way.TIMERS:
        out.print("Next: systemctl list-timers 'zoffsite-*'", markup=False, soft_wrap=True)
        return
    if deployment.way is Way.PREFECT:
        out.print(
            f"The UI: {deployment.pages}; its password: sudo grep API_AUTH {ENVIRONMENT}", markup=False, soft_wrap=True
        )
    out.print(
        f"At a terminal, to run jobs through Prefect: set -a; . {ENVIRONMENT}; set +a", markup=False, soft_wrap=True
    )
