"""Floor 2: tells people, by apprise, that a job fails, and that it works again.

A notifier that is down never stops a backup: the result says what could not be delivered. An apprise URL holds a
password, and so do apprise's own log lines at times: neither is ever shown. A URL is named by its number and scheme.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from zoffsite.model.report import RunReport, RunState
from zoffsite.views.messages import Message, alert_message, failure_message, recovery_message, trial_message

if TYPE_CHECKING:
    from pydantic import SecretStr


class _Kind(StrEnum):
    """Apprise's own words for what a message is about."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyResult:
    """To how many URLs a message went, and why not to the others (None: nothing went wrong). True when all is well."""

    sent: int = 0
    reason: str | None = None

    def __bool__(self) -> bool:
        return self.reason is None


def notify(
    urls: Sequence[SecretStr], report: RunReport, previous: RunReport | None, *, since: datetime | None = None
) -> NotifyResult:
    """Send word of a failed run, of the first good one after failures, of notices that alert; of nothing else.

    Never raises. `previous` is the run before; `since`: when the first of the failures in a row started, if known.
    """
    if report.state is not RunState.OK:
        return _send(urls, failure_message(report, since), _Kind.FAILURE)
    if previous is not None and previous.state is not RunState.OK:
        return _send(urls, recovery_message(report, since or previous.started), _Kind.SUCCESS)
    if any(notice.alert for notice in report.all_notices):
        return _send(urls, alert_message(report), _Kind.WARNING)
    return NotifyResult()


def notify_test(urls: Sequence[SecretStr], job: str) -> NotifyResult:
    """Send a message that nothing has failed, to see whether it arrives."""
    return _send(urls, trial_message(job), _Kind.INFO)


def _send(urls: Sequence[SecretStr], message: Message, kind: _Kind) -> NotifyResult:
    """To each URL on its own, so that one that fails stops no other and can be named."""
    faults = list[str]()
    for number, url in enumerate(urls, 1):
        fault = _deliver(url.get_secret_value(), message, kind)
        if fault is not None:
            faults.append(f"URL {number} ({_scheme(url.get_secret_value())}): {fault}")
    return NotifyResult(sent=len(urls) - len(faults), reason="; ".join(faults) or None)


def _deliver(url: str, message: Message, kind: _Kind) -> str | None:
    """None, or why the message did not go out."""
    with _listening() as said, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a plugin's use of something deprecated must not keep an alert back
        try:
            import apprise

            asset = apprise.AppriseAsset(app_id="zoffsite", app_desc="zoffsite", secure_logging=True)
            sender = apprise.Apprise(asset=asset)
            if not sender.add(url):
                return "apprise does not understand it"
            sent = sender.notify(
                body=message.body,
                title=message.title,
                notify_type=getattr(apprise.NotifyType, kind.name),  # no enum in the first of 1.9
                body_format=apprise.NotifyFormat.TEXT,
            )
        except Exception as error:  # whatever a plugin does, the backup's own report must still come out
            return f"apprise broke off ({type(error).__name__})"
    return None if sent else f"not delivered{_reasons(said)}"


def _reasons(said: Sequence[str]) -> str:
    telling = [line for line in said if line.startswith(_WHERE)]
    found = dict.fromkeys(match[0].lower() for line in telling for match in _REASONS.finditer(line))
    return f" ({', '.join(found)})" if found else ""


def _scheme(url: str) -> str:
    match = _SCHEME.match(url)
    return match[0].lower() if match else "no scheme"


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
