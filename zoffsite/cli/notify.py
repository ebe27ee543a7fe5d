"""`zoffsite notify test`: does an alert arrive?"""

from __future__ import annotations

from zoffsite.actions.tell import tell_all
from zoffsite.cli.context import console, jobs_of
from zoffsite.config.loading import load
from zoffsite.model.errors import ExitCode, SettingsError
from zoffsite.views.messages import trial_message


def send_test(name: str | None) -> ExitCode:
    """Send a test message for one job, or for each."""
    settings = load()
    code = ExitCode.OK
    for job in jobs_of(settings, name):
        receivers = settings.receivers(job.name)
        if not receivers:
            raise SettingsError(
                "send a test message for",
                f"job {job.name}",
                "no notification URL is set",
                "put one into .env: ZOFFSITE_NOTIFY_URLS=mailto://… (see .env.example)",
                code="no-notify-urls",
            )
        done = tell_all(receivers, trial_message(job.name))
        if done:
            console().print(f"{job.name}: a test message was sent to {done.sent} URLs; look whether it arrived")
        else:
            console(stderr=True).print(f"{job.name}: {done.words}", markup=False)
            code = ExitCode.SOME_FAILED
    return code
