"""Where the settings and the state live when nobody says so."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from zoffsite.model.errors import SettingsError

CONFIG_VARIABLE = "ZOFFSITE_CONFIG"
STATE_VARIABLE = "ZOFFSITE_STATE_DIR"
FILE_NAME = "zoffsite.toml"


def config_places(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The files that are tried, in this order; the first that exists is read, and no other."""
    home = environ.get("HOME")
    config_home = environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else None)
    personal = (Path(config_home, "zoffsite", FILE_NAME),) if config_home else ()
    return (Path(FILE_NAME), *personal, Path("/etc/zoffsite", FILE_NAME))


def find_config(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """The settings file: `path`, else $ZOFFSITE_CONFIG, else the first of `config_places`; else SettingsError."""
    variables = os.environ if environ is None else environ
    chosen = path or (Path(variables[CONFIG_VARIABLE]) if variables.get(CONFIG_VARIABLE) else None)
    if chosen is not None:
        if not chosen.expanduser().exists():
            raise _no_config(str(chosen), "there is no such file")
        return chosen.expanduser().absolute()
    places = config_places(variables)
    for place in places:
        if place.exists():
            return place.absolute()
    raise _no_config(FILE_NAME, f"not found; looked for {', '.join(str(place.absolute()) for place in places)}")


def state_dir(file: Path, environ: Mapping[str, str]) -> Path:
    """Where reports and locks live if the settings, which are in `file`, say nothing.

    $ZOFFSITE_STATE_DIR, else /var/lib/zoffsite for root and for a file of the whole machine, else the user's own place:
    whoever runs the jobs of one file must meet at one lock.
    """
    if environ.get(STATE_VARIABLE):
        return Path(environ[STATE_VARIABLE]).expanduser().absolute()
    if os.geteuid() == 0 or file.resolve().is_relative_to("/etc"):
        return Path("/var/lib/zoffsite")
    return Path("~/.local/state/zoffsite").expanduser()


def _no_config(subject: str, problem: str) -> SettingsError:
    return SettingsError(
        "read settings",
        subject,
        problem,
        "let zoffsite init write one, or name a file with --config",
        code="no-config",
    )
