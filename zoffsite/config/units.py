"""Durations, rates, sizes and times as people write them: "26h", "1h30m", "5 MB/s", "500 KiB/s", "20 GB", "23:00"."""

from __future__ import annotations

import re
from datetime import time, timedelta
from decimal import Decimal

from zoffsite.config.mistakes import WrongValueError

DURATION_HELP = 'write a number and s, m, h, d or w, also several in a row: "90s", "1h30m", "2d"'
RATE_HELP = 'write bytes per second, as in "5 MB/s" or "500 KiB/s" (B, KB, MB, GB or KiB, MiB, GiB), or "none"'
SIZE_HELP = 'write bytes, as in "20 GB" or "500 MiB" (B, KB, MB, GB, TB or KiB, MiB, GiB, TiB)'
CLOCK_HELP = 'write hours and minutes in quotes, from "00:00" to "23:59"'
LONGEST = timedelta(days=36500)
FASTEST = 10**15

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_WORDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("w", "week", "weeks"), "w"),
}
_BYTES = {
    "B": 1,
    **dict.fromkeys(("kB", "KB"), 10**3),
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_NUMBER = r"\d{1,15}(?:\.\d{1,6})?"
_TERM = re.compile(rf"\s*({_NUMBER})\s*([a-z]+)", re.ASCII)
_SIZE = re.compile(rf"\s*({_NUMBER})\s*([A-Za-z]+)\s*", re.ASCII)
_RATE = re.compile(rf"{_SIZE.pattern}/\s*s\s*", re.ASCII)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


def parse_duration(value: object) -> timedelta:
    """The time that `value` says; more than nothing and at most a hundred years. WrongValueError otherwise."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise WrongValueError("a duration is a text with a unit", DURATION_HELP)
    seconds = _sum_of_terms(value)
    if not 0 < seconds <= LONGEST.total_seconds():
        raise WrongValueError(f'"{value}" is not between one moment and a hundred years', DURATION_HELP)
    return timedelta(seconds=float(seconds))


def parse_rate(value: object) -> int | None:
    """Bytes per second, or None for "none" (no limit). WrongValueError for anything else, bits included."""
    if value is None or value == "none":
        return None
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in _BYTES:
        shown = f'"{value}"' if isinstance(value, str) else "this"
        raise WrongValueError(f"{shown} is not a rate", RATE_HELP)
    rate = int(Decimal(match[1]) * _BYTES[match[2]])
    if not 1 <= rate <= FASTEST:
        raise WrongValueError(f'"{value}" is not a rate that anything can keep', RATE_HELP)
    return rate


def parse_size(value: object) -> int:
    """Bytes. WrongValueError for anything else; 0 needs no unit."""
    if isinstance(value, int) and value == 0:
        return 0
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in _BYTES:
        shown = f'"{value}"' if isinstance(value, str) else "this"
        raise WrongValueError(f"{shown} is not a size", SIZE_HELP)
    return int(Decimal(match[1]) * _BYTES[match[2]])


def parse_clock(value: object) -> time:
    """A time of the day. WrongValueError for anything else."""
    if isinstance(value, time):
        return value.replace(second=0, microsecond=0)
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise WrongValueError("this is not a time of the day", CLOCK_HELP)
    return time(int(match[1]), int(match[2]))


def _sum_of_terms(text: str) -> Decimal:
    total, seen, position = Decimal(0), set[str](), 0
    while position < len(text.rstrip()):
        match = _TERM.match(text, position)
        unit = _WORDS.get(match[2]) if match else None
        if match is None or unit is None or unit in seen:
            raise WrongValueError(f'"{text}" is not a duration', DURATION_HELP)
        seen.add(unit)
        total += Decimal(match[1]) * _SECONDS[unit]
        position = match.end()
    if not seen:
        raise WrongValueError(f'"{text}" is not a duration', DURATION_HELP)
    return total
