"""Checks of the ping URL, which is a secret: whoever has it can say that all is well."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import SecretStr

from zoffsite.config.mistakes import WrongValueError

HELP = "write it as the service shows it, as in https://hc-ping.com/…"


def check_ping_url(value: SecretStr) -> SecretStr:
    """`value`, if it is a URL of the web. Errors never show it."""
    url = value.get_secret_value()
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or not url.isascii() or any(char.isspace() or not char.isprintable() for char in url):
        raise WrongValueError("this is no http or https URL", HELP)
    return value
