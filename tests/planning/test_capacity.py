"""How long there is room, and what the next increment hangs on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.planning.make import mark, snap, source
from tests.views.values import past
from zoffsite.model.memory import Increment
from zoffsite.model.status import Base
from zoffsite.planning.capacity import base_of, daily_growth, days_left, days_left_by, filling, month_more

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY = timedelta(days=1)


def sent(days_ago: float, written: int, name: str = "tank/a") -> Increment:
    return Increment(dataset=name, written=written, when=NOW - days_ago * DAY)


def test_growth_is_what_came_after_the_first_increment_over_the_time_it_took() -> None:
    assert daily_growth([sent(4, 999), sent(3, 10), sent(2, 20), sent(1, 30)], NOW) == {"tank/a": 20}
    assert daily_growth([sent(1, 30), sent(4, 999), sent(3, 10), sent(2, 20)], NOW) == {"tank/a": 20}


def test_each_dataset_grows_on_its_own() -> None:
    many = [sent(day, 10, name) for day in range(5) for name in ("tank/a", "tank/b")]
    assert daily_growth(many, NOW) == {"tank/a": 10, "tank/b": 10}


@pytest.mark.parametrize(
    "increments",
    [
        [],
        [sent(2, 10), sent(1, 10)],
        [sent(0.5, 10), sent(0.4, 10), sent(0.3, 10), sent(0.2, 10)],
        [sent(31, 10), sent(2, 10), sent(1, 10)],
        [sent(2, 10), sent(1, 10), sent(-1, 10)],
    ],
)
def test_of_too_little_nobody_can_tell(increments: list[Increment]) -> None:
    assert daily_growth(increments, NOW) == {}


def test_how_the_box_fills_is_measured_over_the_backups_of_the_last_month() -> None:
    runs = [past(started=NOW - days * DAY, free=free) for days, free in ((40, 9999), (4, 900), (2, 700), (0, 500))]
    assert filling(runs, NOW) == 100
    assert filling(reversed(runs), NOW) == 100
    assert filling(runs[:2], NOW) is None
    assert filling([past(started=NOW - DAY, free=9), past(started=NOW, free=1)], NOW) is None
    assert filling([past(started=NOW - 5 * DAY, free=100), past(started=NOW, free=600)], NOW) == -100
    assert filling([replace(each, verb="prune") for each in runs], NOW) is None
    assert filling([replace(each, free=None) for each in runs], NOW) is None


def test_days_left_are_those_measured_on_the_box_else_as_if_nothing_were_pruned() -> None:
    assert days_left(100, 40.0, {"a": 10, "b": 10}) == 2.5
    assert days_left(100, 0.0, {"a": 10}) is None
    assert days_left(100, -3.0, {"a": 10}) is None
    assert days_left(-5, None, {"a": 10}) == 0
    assert days_left(100, None, {"a": 10, "b": 10}) == 5
    assert days_left(None, None, {"a": 10}) is None
    assert days_left(100, None, {}) is None
    assert days_left(100, None, {"a": 0}) is None


@pytest.mark.parametrize(("daily", "full"), [(100, 6.0), (0, None), (-50, None)], ids=["fills", "stays", "is emptied"])
def test_days_left_follow_from_how_fast_the_box_filled(daily: int, full: float | None) -> None:
    runs = [past(started=NOW + day * DAY, free=1000 - day * daily) for day in range(5)]
    assert days_left_by([*runs, past(started=NOW + 5 * DAY, verb="verify", free=1)]) == full


def test_no_days_left_are_told_from_a_day_or_from_runs_that_saw_no_box() -> None:
    assert days_left_by([]) is None
    assert days_left_by([past(started=NOW, free=10), past(started=NOW + DAY, free=5)]) is None
    assert days_left_by([past(started=NOW + day * DAY) for day in range(9)]) is None


def test_a_month_more_of_history_costs_at_most_what_a_month_brings() -> None:
    assert month_more({"a": 10, "b": 0.5}) == 315
    assert month_more({}) is None


def test_a_base_that_has_a_bookmark_hangs_on_no_room() -> None:
    alone = source(snap(1), available=4096)
    guid = snap(1).guid
    assert base_of(alone, guid) == Base(snapshot=True, bookmark=False, room=4096)
    both = source(snap(1), bookmarks=[mark(1)], available=4096)
    assert base_of(both, guid) == Base(snapshot=True, bookmark=True, room=None)
    assert base_of(source(bookmarks=[mark(1)]), guid) == Base(snapshot=False, bookmark=True, room=None)
    assert base_of(alone, guid + 1) is None
