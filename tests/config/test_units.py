from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.config.mistakes import WrongValueError
from zoffsite.config.units import parse_duration, parse_rate

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
RATES = {"B": 1, "kB": 1000, "KB": 1000, "MB": 10**6, "GB": 10**9, "KiB": 1024, "MiB": 2**20, "GiB": 2**30}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("26h", timedelta(hours=26)),
        ("2d", timedelta(days=2)),
        ("1h30m", timedelta(minutes=90)),
        ("1 hour 30 minutes", timedelta(minutes=90)),
        ("90 s", timedelta(seconds=90)),
        ("0.5s", timedelta(milliseconds=500)),
        ("2 weeks", timedelta(days=14)),
        (" 1 day ", timedelta(days=1)),
    ],
)
def test_a_duration_is_read_as_people_write_it(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "5",
        "h",
        "5 fortnights",
        "1h 5",
        "-1h",
        "1h,5m",
        "1h1h",
        "0s",
        "0.0h",
        "101y",
        "40000d",
        "1e3s",
        "٣s",
        "∞",
    ],
)
def test_anything_else_is_no_duration_and_the_error_says_what_is(text: str) -> None:
    with pytest.raises(WrongValueError) as caught:
        parse_duration(text)
    assert '"1h30m"' in caught.value.remedy


@pytest.mark.parametrize("value", [120, 1.5, True, None, ["2h"]])
def test_a_number_without_unit_is_refused_rather_than_guessed(value: object) -> None:
    with pytest.raises(WrongValueError):
        parse_duration(value)


@given(st.lists(st.sampled_from(sorted(SECONDS)), min_size=1, unique=True), st.data())
def test_the_parts_of_a_duration_add_up(units: list[str], data: st.DataObject) -> None:
    counts = [data.draw(st.integers(1, 1000)) for _ in units]
    gap = data.draw(st.sampled_from(["", " "]))
    text = gap.join(f"{count}{gap}{unit}" for count, unit in zip(counts, units, strict=True))
    total = sum(count * SECONDS[unit] for count, unit in zip(counts, units, strict=True))
    assert parse_duration(text) == timedelta(seconds=total)


@given(st.text(max_size=20))
def test_no_text_makes_the_duration_parser_break(text: str) -> None:
    with suppress(WrongValueError):
        assert parse_duration(text) > timedelta(0)


@given(st.integers(1, 10**5), st.integers(0, 99), st.sampled_from(sorted(RATES)), st.sampled_from(["", " "]))
def test_a_rate_is_exact_to_the_byte(whole: int, hundredths: int, unit: str, gap: str) -> None:
    rate = parse_rate(f"{whole}.{hundredths:02}{gap}{unit}/s")
    if rate is not None:
        assert rate == int((whole + Fraction(hundredths, 100)) * RATES[unit])


def test_none_is_no_limit() -> None:
    assert parse_rate("none") is None
    assert parse_rate("5 MB/s") == 5_000_000
    assert parse_rate("500 KiB/s") == 512_000


@pytest.mark.parametrize("value", ["5", 5, "5 MB", "5 Mb/s", "5 Mbit/s", "5 mb/s", "0 MB/s", "0.1 B/s", "-1 MB/s", ""])
def test_bits_bare_numbers_and_nothing_are_no_rates(value: object) -> None:
    with pytest.raises(WrongValueError, match="5 MB/s"):
        parse_rate(value)
