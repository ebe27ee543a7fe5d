"""`zoffsite notify`: does an alert arrive? How does everything stand?"""

from __future__ import annotations

from datetime import UTC, datetime

from zoffsite.actions.tell import Delivered, tell_all
from zoffsite.cli.context import console, jobs_of
from zoffsite.config.loading import load
from zoffsite.config.settings import Receiver, Settings
from zoffsite.hosts.connections import Connections
from zoffsite.model.alert import AlertKind
from zoffsite.model.errors import ExitCode, SettingsError
from zoffsite.views.messages import trial_message


def send_test(name: str | None) -> ExitCode:
    """Send a test message for one job, or for each."""
    settings = load()
    codes = [
        _said(job.name, tell_all(_receivers(settings, job.name), trial_message(job.name)), "a test message")
        for job in jobs_of(settings, name)
    ]
    return max(codes)


def send_digest(name: str | None) -> ExitCode:
    """Look at one job, or at each, and send what is seen to whoever wants digests."""
    from zoffsite.actions.overview import overview
    from zoffsite.history import past_runs
    from zoffsite.views.digest import digest_message

    settings = load()
    codes = [ExitCode.OK]
    with Connections() as hosts:
        for job in jobs_of(settings, name):
            receivers = _receivers(settings, job.name, AlertKind.DIGEST)
            seen = overview(settings, job, hosts, datetime.now(UTC))
            message = digest_message(seen, past_runs(job.name, settings.state_dir))
            codes.append(_said(job.name, tell_all(receivers, message, AlertKind.DIGEST), "a digest"))
    return max(codes)


def _receivers(settings: Settings, job: str, kind: AlertKind | None = None) -> tuple[Receiver, ...]:
    receivers = settings.receivers(job)
    if any(kind is None or kind in each.kinds for each in receivers):
        return receivers
    what = "notification URL" if kind is None else f"notification URL for a {kind}"
    raise SettingsError(
        "send a message for",
        f"job {job}",
        f"no {what} is set",
        "put one into .env: ZOFFSITE_NOTIFY_URLS=mailto://… (see .env.example)",
        code="no-notify-urls",
    )


def _said(job: str, done: Delivered, what: str) -> ExitCode:
    if done.sent:
        urls = "1 URL" if done.sent == 1 else f"{done.sent} URLs"
        console().print(f"{job}: {what} was sent to {urls}; look whether it arrived")
    if not done:
        console(stderr=True).print(f"{job}: {done.words}", markup=False)
    return ExitCode.OK if done else ExitCode.SOME_FAILED
