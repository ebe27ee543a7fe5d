"""How old is too old."""

from __future__ import annotations

from datetime import timedelta

import pytest

from zoffsite.model.status import Freshness
from zoffsite.planning.freshness import judge

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(0), Freshness.OK),
        (DAY, Freshness.OK),
        (DAY + timedelta(seconds=1), Freshness.WARNING),
        (2 * DAY, Freshness.WARNING),
        (2 * DAY + timedelta(seconds=1), Freshness.CRITICAL),
        (None, Freshness.CRITICAL),
    ],
)
def test_late_is_a_warning_and_twice_as_late_or_nothing_at_all_is_critical(
    age: timedelta | None, expected: Freshness
) -> None:
    assert judge(age, DAY) is expected
