"""Floor 2: the dead man's switch: a web service that is told of every run, and alerts when it is not.

It covers what cannot report itself: a killed worker, a machine that is off, a timer that was never set up. Any service
takes part that speaks the ping protocol of healthchecks.io: URL/start, URL, URL/fail, with the end of the log as body.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from pydantic import SecretStr

PATIENCE = 5.0
"""Seconds that one try may take, from connecting to the answer."""
TRIES = 2
LONGEST = 10_000
"""Bytes of a body; the service keeps no more."""


class Signal(StrEnum):
    """What has happened, as the end of the URL's path."""

    START = "/start"
    SUCCESS = ""
    FAILURE = "/fail"


def ping(url: SecretStr, signal: Signal, body: str = "") -> str | None:
    """Tell the service: None, or why it was not told. Never raises, and never shows the URL, which is a secret.

    Of a body that is too long its end goes.
    """
    fault: str | None = None
    for _ in range(TRIES):
        try:
            fault = _post(_at(url.get_secret_value(), signal), body.encode()[-LONGEST:])
        except (OSError, http.client.HTTPException, ValueError) as error:
            fault = _words(error)
        if fault is None:
            break
    return fault


def _post(url: str, body: bytes) -> str | None:
    request = urllib.request.Request(url, data=body, headers={"User-Agent": "zoffsite"}, method="POST")  # noqa: S310
    with _opener().open(request, timeout=PATIENCE) as answer:
        answer.read(LONGEST)
        return None if 200 <= answer.status < 300 else f"HTTP status {answer.status}"


def _opener() -> urllib.request.OpenerDirector:
    """Only the web: settings have been checked, but a redirection says what it likes."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def _at(url: str, signal: Signal) -> str:
    """The signal goes to the end of the path, before a query such as `?create=1`."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + signal.value))


def _words(error: Exception) -> str:
    """Why, in words that hold no URL."""
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        return f"HTTP status {error.code}"
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    return (reason.strerror if isinstance(reason, OSError) else None) or type(reason).__name__
