"""`zoffsite init`: the first settings, asked or given."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import typer

from zoffsite.actions.first_look import look_around
from zoffsite.cli.context import console
from zoffsite.config.loading import problems
from zoffsite.config.mistakes import WrongValueError
from zoffsite.config.names import check_name
from zoffsite.files import write_new
from zoffsite.model.errors import ExitCode, OperationError, SettingsError, ZoffsiteError
from zoffsite.planning.first_choice import Offer
from zoffsite.views.first_settings import FirstSettings, ping_variable, secrets_text, settings_text

TUNNEL_ADDRESS = "10.77.0.2"
"""Where the kit puts the box inside the tunnel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the command line says. `asks`: somebody is there to answer."""

    directory: Path | None
    job: str
    datasets: tuple[str, ...]
    endpoints: tuple[str, ...]
    host: str | None
    host_key: str
    user: str
    root: str | None
    identity_file: str
    cron: str
    asks: bool


def run_init(given: Given) -> ExitCode:
    """Write both files, check them, and say what to do next."""
    try:
        check_name(given.job)
    except WrongValueError as error:
        raise _usage(error.problem, error.remedy) from None
    folder = (given.directory or _folder()).expanduser().absolute()
    toml, env = folder / "zoffsite.toml", folder / ".env"
    for path in (toml, env):
        if path.exists() or path.is_symlink():
            raise _exists(path)
    asked = _ask(given)
    _write(env, secrets_text(asked), 0o600)
    try:
        _write(toml, settings_text(asked), 0o644)
    except ZoffsiteError:
        env.unlink()
        raise
    _say(toml, env, asked)
    return ExitCode.OK


def _ask(given: Given) -> FirstSettings:
    found = _look()
    datasets = given.datasets or _choose(given, found)
    endpoints, host_key = given.endpoints, given.host_key
    if not endpoints and not host_key:
        endpoints, host_key = _way_in(given)
    host = given.host or (TUNNEL_ADDRESS if endpoints else _answer(given, "The box's name or address", "--host"))
    return FirstSettings(
        job=given.job,
        datasets=datasets,
        host=host,
        user=given.user,
        root=given.root or _answer(given, "Where replicas go on the box", "--root", f"vault/zoffsite/{given.job}"),
        identity_file=given.identity_file,
        cron=given.cron,
        timezone=_timezone(),
        endpoints=endpoints,
        host_key=host_key,
        left_out=found.plain if found else (),
        notify_urls=_secret(given, "ZOFFSITE_NOTIFY_URLS", "Apprise URLs that hear of failures (empty: none yet)"),
        ping_url=_secret(given, ping_variable(given.job), "Ping URL of a dead man's switch (empty: none yet)"),
    )


def _look() -> Offer | None:
    """What is here; a machine without ZFS can still be the one that backs up another."""
    try:
        return look_around()
    except ZoffsiteError as error:
        console(stderr=True).print(f"The datasets of this machine are not known: {error.problem}", markup=False)
        return None


def _choose(given: Given, found: Offer | None) -> tuple[str, ...]:
    offered = found.encrypted if found else ()
    out = console()
    if found and given.asks:
        out.print(f"Encrypted, with all below them: {', '.join(offered) or 'none'}", markup=False)
        out.print(f"Not encrypted, so left out: {', '.join(found.plain) or 'none'}", markup=False)
    answer = _answer(given, "Datasets to back up, separated by commas", "--dataset", ", ".join(offered))
    return tuple(name.strip() for name in answer.split(",") if name.strip())


def _way_in(given: Given) -> tuple[tuple[str, ...], str]:
    """Endpoints for the kit; else the box's host key."""
    if not given.asks:
        raise _missing("how to reach the box", "--endpoint home.example.org for the kit, or --host and --host-key")
    words = "Your DNS name, where the box dials in (empty: the box is not set up by the kit)"
    endpoints = tuple(str(typer.prompt(words, default="", show_default=False)).split())
    return endpoints, "" if endpoints else str(typer.prompt("The box's host key (ssh-ed25519 AAAA…)"))


def _answer(given: Given, words: str, flag: str, default: str = "") -> str:
    if given.asks:
        return str(typer.prompt(words, default=default or None))
    if not default:
        raise _missing(words.lower(), flag)
    return default


def _secret(given: Given, variable: str, words: str) -> str:
    """Not shown while it is typed."""
    value = os.environ.get(variable, "")
    if value or not given.asks:
        return value
    return str(typer.prompt(words, default="", show_default=False, hide_input=True))


def _write(path: Path, text: str, mode: int) -> None:
    try:
        write_new(path, text.encode(), mode)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        remedy = f"choose another directory with --dir, or make {path.parent} writable for this user"
        raise OperationError("write", str(path), str(error.strerror), remedy, code="not-written") from error


def _say(toml: Path, env: Path, asked: FirstSettings) -> None:
    out = console()
    out.print(f"{toml} and {env} are written.", markup=False, soft_wrap=True)
    wrong = [each for each in problems(toml) if each.key.rpartition(".")[2] not in ("host_key", "identity_file")]
    steps = [str(each) for each in wrong]
    key = Path(asked.identity_file).expanduser()
    if not key.exists():
        steps.append(f"ssh-keygen -t ed25519 -N '' -f {key}")
    if asked.endpoints:
        steps += ["zoffsite box kit --out kit", "zoffsite box pair …   (docs/how-to/set-up-the-box.md tells each step)"]
    steps += ["zoffsite config check", "zoffsite plan", "zoffsite backup", "zoffsite deploy"]
    out.print("Next:")
    for step in steps:
        out.print(f"  {step}", markup=False, soft_wrap=True)


def _folder() -> Path:
    """Where the settings are looked for, whoever runs it."""
    if os.geteuid() == 0:
        return Path("/etc/zoffsite")
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config", "zoffsite")


def _timezone() -> str:
    """The machine's own, by its IANA name."""
    target = str(Path("/etc/localtime").resolve())
    _, found, name = target.partition("/zoneinfo/")
    return name if found and name else "UTC"


def _exists(path: Path) -> SettingsError:
    return SettingsError(
        "write the first settings to",
        str(path),
        "it is there already, and nothing is overwritten",
        f"change it by hand, or choose another directory: zoffsite init --dir {path.parent}-new",
        code="settings-exist",
    )


def _missing(what: str, flag: str) -> SettingsError:
    return _usage(f"nobody is there to say {what}", f"say it: {flag}")


def _usage(problem: str, remedy: str) -> SettingsError:
    return SettingsError("write", "the first settings", problem, remedy, code="bad-usage")
