from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.model.notice import Notice
from zoffsite.model.report import DatasetResult
from zoffsite.views.words import duration_words, rate_words, report_words, size_words, troubles

from .values import FAILED, GOOD, MIXED, PARTIAL, SENT, STOPPED


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.04, "0 s"),
        (0.4, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min"),
        (61.5, "1 min 2 s"),
        (3600, "1 h"),
        (3601, "1 h"),
        (7260, "2 h 1 min"),
        (26 * 3600, "26 h"),
        (47 * 3600 + 59 * 60, "47 h 59 min"),
        (2 * 86400, "2 days"),
        (2 * 86400 + 5 * 3600 + 40, "2 days 5 h"),
        (400 * 86400, "400 days"),
        (-90, "-1 min 30 s"),
    ],
)
def test_a_duration_has_its_two_greatest_units(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words
    assert duration_words(timedelta(seconds=seconds)) == words


@given(st.floats(0, 1e9))
def test_a_duration_in_words_is_short_and_never_empty(seconds: float) -> None:
    assert 0 < len(duration_words(seconds)) <= len("10000 days 23 h")


def test_sizes_are_powers_of_1024_and_say_so() -> None:
    assert size_words(1536) == "1.5 KiB"
    assert size_words(3 * 2**40) == "3.0 TiB"
    assert rate_words(2**20) == "1.0 MiB/s"


def test_a_good_run_in_one_line() -> None:
    assert report_words(GOOD) == "home: its dataset is on the box; 3.0 MiB sent in 1 min 2 s"
    assert "its dataset is on the disk usb;" in report_words(replace(GOOD, place="the disk usb"))
    both = replace(GOOD, datasets=(SENT, SENT))
    assert report_words(both) == "home: all 2 datasets are on the box; 3.0 MiB sent in 1 min 2 s".replace("3.0", "6.0")
    assert report_words(replace(GOOD, datasets=(replace(SENT, bytes=0),))).endswith("nothing sent in 1 min 2 s")


def test_a_failed_run_names_its_datasets_in_one_line() -> None:
    assert report_words(PARTIAL) == "home: 1 of 2 datasets failed: tank/b; 3.0 MiB sent in 1 min 2 s"
    many = replace(GOOD, datasets=tuple(replace(FAILED, source=f"tank/{n}") for n in range(7)))
    assert "7 of 7 datasets failed: tank/0, tank/1, tank/2, tank/3, tank/4 and 2 more" in report_words(many)


def test_a_refused_dataset_and_one_in_conflict_are_not_called_failed() -> None:
    for state, words in ((DatasetResult.REFUSED, "refused"), (DatasetResult.CONFLICT, "in conflict")):
        one = replace(GOOD, datasets=(SENT, replace(FAILED, state=state)))
        assert report_words(one) == f"home: 1 of 2 datasets {words}: tank/b; 3.0 MiB sent in 1 min 2 s"


def test_a_run_with_every_kind_of_trouble_names_each_as_it_is() -> None:
    words = "home: 1 of 5 datasets failed: tank/b; 2 refused: tank/c, tank/d; 1 in conflict: tank/e; 3.0 MiB sent in "
    assert report_words(MIXED).startswith(words)


def test_every_state_that_is_not_good_has_its_word() -> None:
    for state in DatasetResult:
        assert bool(troubles(replace(GOOD, datasets=(replace(FAILED, state=state),)))) is not state.good


def test_a_run_that_stopped_as_a_whole_says_why_in_one_line() -> None:
    assert report_words(STOPPED).startswith("home: the run stopped: send tank/b: no byte moved")


def test_a_run_that_had_nothing_to_run_for_says_why() -> None:
    notice = Notice(code="disk-absent", subject="the disk usb", message="it is not attached", remedy="attach it")
    away = replace(GOOD, datasets=(), notices=(notice,))
    assert report_words(away) == "home: nothing was done; the disk usb: it is not attached"
