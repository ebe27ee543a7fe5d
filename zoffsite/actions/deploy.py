"""Set this machine up so that the jobs run by themselves: look at what is there, plan the changes, make them."""

from __future__ import annotations

import logging
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from zoffsite.config.settings import Settings
from zoffsite.deploy.calendar import calendar_lines
from zoffsite.deploy.changes import Change, Fate, changes
from zoffsite.deploy.quoting import variables
from zoffsite.deploy.spec import LOOPBACK, Deployment, Interface, Needs, Timed, Way
from zoffsite.deploy.units import (
    AUTH,
    COMMANDS,
    DATABASE,
    ENVIRONMENT,
    MARK,
    UNFINISHED,
    UNITS,
    environment_of,
    files_of,
    started,
)
from zoffsite.files import write_whole
from zoffsite.hosts.local import LocalRunner
from zoffsite.model.errors import OperationError, SettingsError
from zoffsite.model.job import Disk, Job
from zoffsite.zfs.argv import mountpoint

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where things go: below `root`, which is / but for packagers and tests."""

    root: Path = Path("/")

    def at(self, path: str) -> Path:
        """The file itself."""
        return self.root / path.lstrip("/")

    @property
    def live(self) -> bool:
        """Whether units can be started: systemd runs here, and its own files are what is changed."""
        return self.root == Path("/") and Path("/run/systemd/system").is_dir()

    @property
    def unfinished(self) -> bool:
        """Whether a deployment before was cut off."""
        return self.at(UNFINISHED).exists()


def describe(
    settings: Settings,
    way: Way,
    *,
    listen: Interface = LOOPBACK,
    port: int = 4200,
    pool: str = "",
    api: str = "",
) -> Deployment:
    """What the settings, and the zoffsite that is running, come to."""
    jobs = settings.jobs.values()
    python = Path(sys.executable)
    return Deployment(
        way=way,
        config=settings.file,
        state_dir=settings.state_dir,
        python=python,
        zoffsite=python.with_name("zoffsite"),
        reachable=_reachable(python),
        needs=Needs(
            zfs=any(job.source is None for job in jobs),
            disks=any(isinstance(job.box, Disk) for job in jobs),
            hooks=any(job.hooks and job.source is None for job in jobs),
            canaries=tuple(_canaries(jobs)),
        ),
        jobs=tuple(settings.job_names),
        timed=_timed(settings),
        listen=listen,
        port=port,
        pool=pool,
        api=api,
    )


def plan_deployment(deployment: Deployment, machine: Machine, environ: Mapping[str, str]) -> tuple[Change, ...]:
    """What would change. Secrets that are there stay; a worker's password and a database come from the environment."""
    wanted = files_of(deployment)
    before = _read(machine.at(ENVIRONMENT))
    hidden = {}
    if deployment.way is not Way.TIMERS:
        known = variables(before or "")
        database = environ.get(DATABASE) or known.get(DATABASE, "")
        hidden = {ENVIRONMENT: environment_of(deployment, _password(deployment, known, environ), database)}
    return changes(wanted, _present(machine, {**wanted, **hidden}), hidden)


def carry_out(deployment: Deployment, machine: Machine, planned: tuple[Change, ...]) -> tuple[str, ...]:
    """Make the changes; what was told to systemd, as commands. OperationError when it refuses."""
    orders = commands(deployment, planned, unfinished=machine.unfinished) if machine.live else ()
    if machine.live and any(each.fate is not Fate.SAME for each in planned):
        _apply(Change(path=UNFINISHED, fate=Fate.NEW), machine)
    settled = [order for order in orders if order[1] == "disable"]
    for order in settled:
        _order(order)
    for change in planned:
        _apply(change, machine)
    deployment.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    for order in orders:
        if order not in settled:
            _order(order)
    _apply(Change(path=UNFINISHED, fate=Fate.GONE), machine)
    return tuple(" ".join(order) for order in orders)


def commands(deployment: Deployment, planned: tuple[Change, ...], *, unfinished: bool) -> tuple[tuple[str, ...], ...]:
    """What systemd is told. What runs already is restarted only if it has changed, or if nobody knows."""
    changed = {Path(each.path).name for each in planned if each.fate is Fate.CHANGED}
    gone = [Path(each.path).name for each in planned if each.fate is Fate.GONE]
    orders = [("systemctl", "disable", "--now", *gone)] if gone else []
    orders.append(("systemctl", "daemon-reload"))
    orders.append(("systemctl", "enable", "--now", *started(deployment)))
    every = unfinished or Path(ENVIRONMENT).name in changed
    again = [name for name in started(deployment) if every or name in changed]
    return tuple([*orders, ("systemctl", "restart", *again)] if again else orders)


def _canaries(jobs: Iterable[Job]) -> Iterator[str]:
    """Where this machine's canaries are mounted; one that is not is reported by the run."""
    for job in jobs:
        if job.source is None and job.drill.canary is not None:
            place = LocalRunner().run(mountpoint(job.drill.canary)).stdout.strip()
            if place.startswith("/") and '"' not in place:
                yield place


def _timed(settings: Settings) -> tuple[Timed, ...]:
    found = []
    for job in settings.job_names:
        for verb in COMMANDS:
            schedule = settings.schedule(job, verb)
            if schedule is not None:
                lines = calendar_lines(schedule.cron, schedule.timezone)
                found.append(Timed(job=job, verb=verb, calendar=lines))
    return tuple(found)


def _password(deployment: Deployment, known: Mapping[str, str], environ: Mapping[str, str]) -> str:
    if deployment.way is Way.PREFECT:
        return known.get(AUTH) or f"zoffsite:{secrets.token_urlsafe(24)}"
    return environ.get(AUTH) or known.get(AUTH, "")


def _present(machine: Machine, wanted: Mapping[str, str]) -> dict[str, str]:
    """The files that are wanted, and all units of ours, as far as they are there."""
    ours = [f"{UNITS}/{file.name}" for file in machine.at(UNITS).glob("zoffsite-*")]
    texts = {path: _read(machine.at(path)) for path in {*wanted, *ours, ENVIRONMENT}}
    kept = {path: text for path, text in texts.items() if text is not None}
    return {path: text for path, text in kept.items() if path in wanted or text.startswith(MARK)}


def _read(file: Path) -> str | None:
    try:
        return file.read_text()
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise _not_root(file, "read") from error


def _apply(change: Change, machine: Machine) -> None:
    file = machine.at(change.path)
    try:
        if change.fate is Fate.GONE:
            file.unlink(missing_ok=True)
        elif change.fate is not Fate.SAME:
            if not file.parent.is_dir():
                file.parent.mkdir(mode=0o755, parents=True)
            write_whole(file, change.text.encode(), 0o600 if change.secret else 0o644)
    except PermissionError as error:
        raise _not_root(file, "written") from error


def _not_root(file: Path, what: str) -> SettingsError:
    return SettingsError(
        "deploy",
        str(file),
        f"it may not be {what} by this user",
        "run it as root: sudo zoffsite deploy",
        code="not-root",
    )


def _order(argv: tuple[str, ...]) -> None:
    done = LocalRunner().run(argv)
    if done.exit_code:
        raise OperationError(
            "deploy",
            " ".join(argv),
            done.stderr or f"exit code {done.exit_code}",
            f"journalctl -u {argv[-1]}",
            code="systemd",
        )


def _reachable(python: Path) -> bool:
    """Whether a user that is not root can run this Python."""
    places = {parent for file in (python, python.resolve()) for parent in file.parents}
    return all(place.stat().st_mode & 0o001 for place in places)
