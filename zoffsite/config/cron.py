"""Checks of a schedule: a cron line of five fields, and an IANA time zone."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, available_timezones

from zoffsite.config.mistakes import WrongValueError, did_you_mean

HELP = 'write minute, hour, day, month, weekday: "0 3 * * *" is every night at three'

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST_MONTH = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("weekday", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_PART = re.compile(r"(?:(?P<all>\*)|(?P<low>\w+)(?:-(?P<high>\w+))?)(?:/(?P<step>\d{1,2}))?", re.ASCII)


def check_cron(line: str) -> str:
    """`line`, if it is five fields of numbers, names, ranges, steps and lists, and such a day comes at all."""
    words = line.split()
    if len(words) != len(_FIELDS):
        raise WrongValueError(f'"{line}" has {len(words)} fields, not five', HELP)
    fields = [_values(word, *field) for word, field in zip(words, _FIELDS, strict=True)]
    days, months = fields[2], fields[3]
    if words[4] == "*" and not any(min(days) <= _LONGEST_MONTH[month] for month in months):
        raise WrongValueError(f'"{line}" never comes: no such day in that month', HELP)
    return line


def check_timezone(name: str) -> str:
    """`name`, if it is an IANA time zone known here."""
    known = available_timezones()
    if not known:
        raise WrongValueError("this machine knows no time zone", "as root: apt-get install tzdata")
    if name not in known:
        guess = did_you_mean(name, known)
        raise WrongValueError(
            f'"{name}" is no time zone',
            guess if guess.startswith("did") else 'write an IANA name, as in "Europe/Berlin" or "UTC"',
        )
    ZoneInfo(name)
    return name


def _values(word: str, what: str, lowest: int, highest: int, names: dict[str, int]) -> set[int]:
    values = set[int]()
    for part in word.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise WrongValueError(f'"{part}" is no {what}', HELP)
        low = lowest if match["all"] else _number(match["low"], names)
        high = highest if match["all"] or (match["step"] and not match["high"]) else _number(match["high"], names, low)
        step = int(match["step"] or 1)
        if low is None or high is None or not lowest <= low <= high <= highest or step < 1:
            raise WrongValueError(f'"{part}" is no {what} ({lowest} to {highest})', HELP)
        values.update(range(low, high + 1, step))
    return values


def _number(word: str | None, names: dict[str, int], default: int | None = None) -> int | None:
    if word is None:
        return default
    if word.isdigit() and len(word) <= 2:
        return int(word)
    return names.get(word.lower())
