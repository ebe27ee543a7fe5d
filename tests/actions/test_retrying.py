"""Retries of the direct path."""

from __future__ import annotations

import threading

import pytest

from zoffsite.actions.retrying import with_retries
from zoffsite.hosts.transfers import transfers
from zoffsite.model.errors import RunInterruptedError, TransferError
from zoffsite.model.job import Retries

QUICK = Retries(count=2, first_wait=0.001, longest_wait=0.001)


def error(*, transient: bool) -> TransferError:
    return TransferError("send", "it", "it broke", "again", code="broken", transient=transient)


def test_a_transient_failure_is_tried_again_until_it_succeeds() -> None:
    def attempt(number: int) -> int:
        if number < 2:
            raise error(transient=True)
        return number

    assert with_retries(attempt, QUICK) == 2


def test_the_last_error_is_raised_when_the_retries_are_used_up() -> None:
    tried: list[int] = []

    def attempt(number: int) -> None:
        tried.append(number)
        raise error(transient=True)

    with pytest.raises(TransferError):
        with_retries(attempt, QUICK)
    assert tried == [0, 1, 2]


def test_a_failure_that_is_not_transient_is_not_tried_again() -> None:
    tried: list[int] = []

    def attempt(number: int) -> None:
        tried.append(number)
        raise error(transient=False)

    with pytest.raises(TransferError):
        with_retries(attempt, QUICK)
    assert tried == [0]


def test_a_run_that_is_stopped_does_not_wait_for_its_next_retry() -> None:
    failed = threading.Event()

    def attempt(_: int) -> None:
        failed.set()
        raise error(transient=True)

    def stop() -> None:
        failed.wait(10)
        transfers.stop_all()

    stopper = threading.Thread(target=stop)
    stopper.start()
    try:
        with pytest.raises(RunInterruptedError):
            with_retries(attempt, Retries(count=1, first_wait=3600, longest_wait=3600))
    finally:
        stopper.join()
        transfers.reset()
