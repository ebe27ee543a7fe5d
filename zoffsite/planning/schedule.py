"""When is a job run next?"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError


def next_run(cron: str, timezone: str, now: datetime) -> datetime | None:
    """The next time (UTC) of a cron line that is read in an IANA time zone; None where it never comes."""
    try:
        return next(CronSim(cron, now.astimezone(ZoneInfo(timezone)))).astimezone(UTC)
    except (CronSimError, StopIteration):
        return None
