"""Paths, words and secrets as systemd reads them, and a shell, too: systemd.syntax(7), systemd.exec(5)."""

from __future__ import annotations

import re
from ipaddress import ip_interface
from urllib.parse import urlsplit

from zoffsite.deploy.spec import Interface
from zoffsite.model.errors import SettingsError

_PLAIN = re.compile(r"[\w@%+=:,./-]*", re.ASCII)
"""What neither systemd nor a shell takes for anything else in a file of variables."""
_ESCAPED = re.compile(r'["\\`$]')
"""What both take for itself, between double quotes, only after a backslash."""


def word(text: object, what: str) -> str:
    """One word of a unit's line. SettingsError for what systemd takes in no executable, or would expand."""
    given = str(text)
    if not given.isprintable() or any(char in given for char in "\"'\\$"):
        raise SettingsError(
            "deploy",
            what,
            f"{given!r} has a quote, a backslash, a $ or a character that is not printable, "
            "which a systemd unit cannot name",
            "let it have another name, or move it",
            code="not-for-systemd",
        )
    escaped = given.replace("%", "%%")
    return f'"{escaped}"' if " " in escaped else escaped


def variable(name: str, value: str) -> str:
    """One line of a file that both `EnvironmentFile=` and a shell's `.` read, and to the same."""
    if not value.isprintable():
        raise SettingsError(
            "deploy",
            f"${name}",
            "it has a line break, or another character that is not printable",
            "choose another password, and set it with `export` again",
            code="not-for-systemd",
        )
    if _PLAIN.fullmatch(value):
        return f"{name}={value}"
    escaped = _ESCAPED.sub(r"\\\g<0>", value)
    return f'{name}="{escaped}"'


def variables(text: str) -> dict[str, str]:
    """What a file of such lines says."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {name: _unquoted(value) for name, value in pairs}


def api_url(text: str) -> str:
    """`text`, if it can be where a Prefect API is; else SettingsError."""
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not _PLAIN.fullmatch(text.replace("[", "").replace("]", "")):
        raise SettingsError(
            "deploy",
            "--worker",
            f"{text!r} is no URL of a Prefect API",
            "name it as PREFECT_API_URL does: --worker http://10.0.0.1:4200/api",
            code="not-a-url",
        )
    return text


def listening(text: str) -> Interface:
    """`text` as one address to listen on, with the network that may reach it; else SettingsError.

    Loopback, which nobody else reaches, needs no network. Of all addresses at once none could be told to the others.
    """
    try:
        found = ip_interface(text)
        sound = not found.ip.is_unspecified and (found.ip.is_loopback or "/" in text) and "%" not in text
    except ValueError:
        sound = False
    if not sound:
        raise SettingsError(
            "deploy",
            "--listen",
            f"{text!r} is no address of a tunnel with its network",
            "name both, as the tunnel does: --listen 10.1.0.1/24",
            code="not-an-address",
        )
    return found


def _unquoted(value: str) -> str:
    if len(value) < 2 or not (value[0] == value[-1] == '"'):
        return value
    return re.sub(rf"\\({_ESCAPED.pattern})", r"\1", value[1:-1])
