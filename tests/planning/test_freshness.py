"""How old is too old."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.planning.make import job
from zoffsite.model.status import Freshness
from zoffsite.planning.freshness import judge, objective_of

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


@pytest.mark.parametrize(
    ("dataset", "days"),
    [("tank/home", 1), ("tank/photos", 8), ("tank/photos/old", 8), ("tank/photos/raw", 30), ("tank/photosx", 1)],
)
def test_a_dataset_has_its_own_objective_or_that_of_the_nearest_above_it(dataset: str, days: int) -> None:
    ours = job(objectives=(("tank/photos", 8 * DAY), ("tank/photos/raw", 30 * DAY)))
    assert objective_of(ours, dataset) == days * DAY
