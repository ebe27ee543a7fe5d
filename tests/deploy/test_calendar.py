"""Cron lines as systemd's calendar."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.deploy.calendar import calendar_lines

croniter: Any = import_module("prefect._vendor.croniter").croniter
START = datetime(2027, 1, 1)
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@pytest.mark.parametrize(
    ("cron", "lines"),
    [
        ("0 3 * * *", ("*-*-* 03:00:00 Europe/Berlin",)),
        ("30 * * * *", ("*-*-* *:30:00 Europe/Berlin",)),
        ("*/20 3 * * 7", ("Sun *-*-* 03:00,20,40:00 Europe/Berlin",)),
        ("5 0 1 jan-mar *", ("*-01,02,03-01 00:05:00 Europe/Berlin",)),
        ("0 12 1,15 * mon", ("*-*-01,15 12:00:00 Europe/Berlin", "Mon *-*-* 12:00:00 Europe/Berlin")),
    ],
)
def test_a_cron_line_becomes_calendar_lines(cron: str, lines: tuple[str, ...]) -> None:
    assert calendar_lines(cron, "Europe/Berlin") == lines


def fields(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = (
        st.tuples(st.integers(low, high - 1), number).filter(lambda ends: ends[0] < ends[1]).map("{0[0]}-{0[1]}".format)
    )
    step = st.tuples(st.one_of(st.just("*"), span), st.integers(1, 20)).map(lambda parts: f"{parts[0]}/{parts[1]}")
    part = st.one_of(number.map(str), span, step)
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))


@given(minute=fields(0, 59), hour=fields(0, 23), day=fields(1, 28), month=fields(1, 12), weekday=fields(0, 6))
def test_a_timer_comes_exactly_when_cron_would(minute: str, hour: str, day: str, month: str, weekday: str) -> None:
    """Cron as Prefect reads it, which is what the other way of running jobs goes by."""
    cron = f"{minute} {hour} {day} {month} {weekday}"
    lines = calendar_lines(cron, "UTC")
    due = croniter(cron, START)
    for _ in range(5):
        moment = due.get_next(datetime)
        assert any(matches(line, moment) for line in lines), (cron, lines, moment)
        before = moment - timedelta(minutes=1)
        assert any(matches(line, before) for line in lines) == croniter.match(cron, before)


def matches(line: str, moment: datetime) -> bool:
    """The rules of systemd.time(7), as far as these lines use them."""
    *weekday, date, time, _ = line.split()
    _, month, day = date.split("-", 2)
    hour, minute, _ = time.split(":")
    if weekday and WEEKDAYS[moment.weekday()] not in weekday[0].split(","):
        return False
    fields = ((month, moment.month), (day, moment.day), (hour, moment.hour), (minute, moment.minute))
    return all(field == "*" or value in map(int, field.split(",")) for field, value in fields)
