"""`zoffsite notify test`: does an alert arrive?"""

from __future__ import annotations

from zoffsite.cli.context import console, jobs_of
from zoffsite.config.loading import load
from zoffsite.model.errors import ExitCode, SettingsError
from zoffsite.notify import notify_test


def send_test(name: str | None) -> ExitCode:
    """Send a test message for one job, or for each."""
    settings = load()
    code = ExitCode.OK
    for job in jobs_of(settings, name):
        urls = settings.notify_urls(job.name)
        if not urls:
            raise SettingsError(
                "send a test message for",
                f"job {job.name}",
                "no notification URL is set",
                "put one into .env: ZOFFSITE_NOTIFY_URLS=mailto://… (see .env.example)",
                code="no-notify-urls",
            )
        result = notify_test(urls, job.name)
        if result:
            console().print(
                f"{job.name}: a test message was sent to {len(urls)} of {len(urls)} URLs; look whether it arrived"
            )
        else:
            console(stderr=True).print(f"{job.name}: not delivered: {result.reason}", markup=False)
            code = ExitCode.SOME_FAILED
    return code
