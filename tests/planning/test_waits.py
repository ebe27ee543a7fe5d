"""Waits before retries."""

from __future__ import annotations

from zoffsite.model.job import Retries
from zoffsite.planning.waits import growing_waits


def test_waits_double_up_to_the_longest() -> None:
    assert growing_waits(Retries(count=4, first_wait=10, longest_wait=60)) == (10, 20, 40, 60)


def test_no_retries_means_no_waits() -> None:
    assert growing_waits(Retries(count=0, first_wait=10, longest_wait=60)) == ()
