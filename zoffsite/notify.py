"""Floor 2: carries messages to people, by apprise. What is told to whom, planning/telling.py decides.

A notifier that is down never stops a backup: the answer says what could not be delivered. An apprise URL holds a
password, and so do apprise's own log lines at times: neither is ever shown. A URL is named by its number and scheme.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zoffsite.model.alert import AlertKind
from zoffsite.views.messages import Message

if TYPE_CHECKING:
    from pydantic import SecretStr

_TYPES = {AlertKind.FAILURE: "FAILURE", AlertKind.WARNING: "WARNING", AlertKind.RECOVERY: "SUCCESS"}
"""Apprise's own words for what a message is about; all else is information."""
_REASONS = re.compile(
    r"connection refused|timed? ?out|timeout|name or service not known|temporary failure in name resolution"
    r"|no route to host|network is unreachable|connection reset|certificate verify failed"
    r"|STARTTLS extension not supported|authentication|error=\d{3}\b|\b[45]\d\d(?=, b)",
    re.IGNORECASE,
)
"""What of apprise's log may be shown. A list of what may, not of what may not: nobody can know what a URL holds."""
_WHERE = ("Socket Exception", "Connection error", "Failed", "SMTP")
"""How the lines begin that give reasons. Others quote the message itself, where the same words mean something else."""
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9]{0,15}(?=://)")


def deliver(url: SecretStr, message: Message, kind: AlertKind | None) -> str | None:
    """Send one message to one URL: None, or why it did not go out. Never raises. `kind` None: a mere trial."""
    with _listening() as said, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a plugin's use of something deprecated must not keep an alert back
        try:
            import apprise

            asset = apprise.AppriseAsset(app_id="zoffsite", app_desc="zoffsite", secure_logging=True)
            sender = apprise.Apprise(asset=asset)
            if not sender.add(url.get_secret_value()):
                return "apprise does not understand it"
            sent = sender.notify(
                body=message.body,
                title=message.title,
                notify_type=getattr(apprise.NotifyType, _TYPES.get(kind, "INFO") if kind else "INFO"),
                body_format=apprise.NotifyFormat.TEXT,
            )
        except Exception as error:  # whatever a plugin does, the backup's own report must still come out
            return f"apprise broke off ({type(error).__name__})"
    return None if sent else f"not delivered{_reasons(said)}"


def receiver_name(number: int, url: SecretStr) -> str:
    """How a URL may be called, without its secrets: `1 (mailto)`."""
    match = _SCHEME.match(url.get_secret_value())
    return f"{number} ({match[0].lower() if match else 'no scheme'})"


def _reasons(said: Sequence[str]) -> str:
    telling = [line for line in said if line.startswith(_WHERE)]
    found = dict.fromkeys(match[0].lower() for line in telling for match in _REASONS.finditer(line))
    return f" ({', '.join(found)})" if found else ""


class _Ear(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.said = said

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Keep what apprise and its HTTP client log to ourselves: it quotes URLs, and why a mail failed only at DEBUG."""
    said = list[str]()
    ear = _Ear(said)
    loggers = [logging.getLogger(name) for name in ("apprise", "urllib3")]
    before = [(logger, logger.propagate, logger.level) for logger in loggers]
    for logger in loggers:
        logger.addHandler(ear)
        logger.propagate = False
        logger.setLevel(logging.DEBUG)
    try:
        yield said
    finally:
        for logger, propagate, level in before:
            logger.removeHandler(ear)
            logger.propagate = propagate
            logger.setLevel(level)
