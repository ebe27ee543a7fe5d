"""Cron lines as systemd's calendar: systemd.time(7), crontab(5)."""

from __future__ import annotations

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


def calendar_lines(cron: str, timezone: str) -> tuple[str, ...]:
    """The values of `OnCalendar=` that come when a sound cron line does.

    Where both day fields are restricted, cron means either of them and systemd both: that takes two lines.
    """
    minute, hour, day, month, weekday = cron.split()
    time = f"{_numbers(hour, 0, 23)}:{_numbers(minute, 0, 59)}:00 {timezone}"
    date = f"*-{_numbers(month, 1, 12, _names(_MONTHS, 1))}"
    days = _numbers(day, 1, 31)
    by_date, by_weekday = f"{date}-{days} {time}", f"{_weekdays(weekday)} {date}-* {time}"
    if weekday == "*":
        return (by_date,)
    return (by_weekday,) if day == "*" else (by_date, by_weekday)


def _names(names: tuple[str, ...], first: int) -> dict[str, int]:
    return {name.lower(): number for number, name in enumerate(names, first)}


def _weekdays(field: str) -> str:
    numbers = {number % 7 for number in _values(field, 0, 6, _names(_DAYS, 0))}
    return ",".join(_DAYS[number] for number in sorted(numbers))


def _numbers(field: str, low: int, high: int, names: dict[str, int] | None = None) -> str:
    """`*` stays; anything else becomes the list of its numbers, which both understand alike."""
    if field == "*":
        return "*"
    return ",".join(f"{number:02d}" for number in sorted(_values(field, low, high, names or {})))


def _values(field: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    found = set[int]()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = low, high
        else:
            begin, _, end = span.partition("-")
            first = _number(begin, names)
            last = _number(end, names) if end else high if step else first
        found.update(range(first, last + 1, int(step or 1)))
    return found


def _number(word: str, names: dict[str, int]) -> int:
    return int(word) if word.isdigit() else names[word.lower()]
