"""Which rate holds when."""

from __future__ import annotations

from datetime import time, timedelta

from zoffsite.model.job import ProofRule, Window
from zoffsite.planning.bandwidth import rate_at

from .make import job

DAY = Window(start=time(8), end=time(23), rate=5_000_000)
NIGHT = Window(start=time(22, 30), end=time(6), rate=None)


def test_a_window_holds_from_its_first_second_to_the_last_before_its_end() -> None:
    home = job(bandwidth=9, windows=(DAY,))
    moments = (time(7, 59, 59), time(8), time(22, 59, 59, 999_999), time(23))
    assert [rate_at(home, moment) for moment in moments] == [9, 5_000_000, 5_000_000, 9]


def test_a_window_may_go_across_midnight() -> None:
    home = job(bandwidth=9, windows=(NIGHT,))
    moments = (time(22, 29), time(22, 30), time(23, 59, 59), time(0), time(5, 59), time(6))
    assert [rate_at(home, moment) for moment in moments] == [9, None, None, None, None, 9]


def test_the_first_window_that_fits_counts() -> None:
    assert rate_at(job(windows=(DAY, NIGHT)), time(22, 45)) == 5_000_000
    assert rate_at(job(windows=(NIGHT, DAY)), time(22, 45)) is None


def test_a_proof_has_windows_of_its_own() -> None:
    rule = ProofRule(within=timedelta(days=30), at_most=1, bandwidth=9, windows=(DAY,))
    assert [rate_at(rule, moment) for moment in (time(7, 59, 59), time(8))] == [9, 5_000_000]


def test_outside_all_windows_the_bandwidth_of_the_job_holds() -> None:
    assert rate_at(job(bandwidth=7), time(12)) == 7
    assert rate_at(job(windows=(DAY,)), time(3)) is None
