from __future__ import annotations

from datetime import UTC, datetime

import pytest

from zoffsite.planning.schedule import next_run


@pytest.mark.parametrize(
    ("cron", "zone", "now", "then"),
    [
        ("0 3 * * *", "UTC", (2026, 11, 23, 2), (2026, 11, 23, 3)),
        ("0 3 * * *", "UTC", (2026, 11, 23, 3), (2026, 11, 24, 3)),
        ("0 3 * * *", "Europe/Berlin", (2026, 11, 23, 0), (2026, 11, 23, 2)),
        ("30 2 * * *", "Europe/Berlin", (2026, 3, 28, 12), (2026, 3, 29, 1)),  # 2:30 is skipped: clocks go forward
        ("0 3 * * mon", "UTC", (2026, 11, 23, 4), (2026, 11, 30, 3)),
    ],
)
def test_the_next_run_is_that_of_the_cron_line_in_its_own_time_zone(
    cron: str, zone: str, now: tuple[int, ...], then: tuple[int, ...]
) -> None:
    assert next_run(cron, zone, datetime(*now, tzinfo=UTC)) == datetime(*then, tzinfo=UTC)  # type: ignore[misc,arg-type]


def test_what_never_comes_is_no_time() -> None:
    assert next_run("0 3 30 2 *", "UTC", datetime(2026, 11, 23, tzinfo=UTC)) is None
