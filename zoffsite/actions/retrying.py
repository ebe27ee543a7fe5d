"""Transient failures are tried again, with growing waits and jitter; all others are not."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from zoffsite.hosts.transfers import transfers
from zoffsite.model.errors import LockHeldError, ZoffsiteError
from zoffsite.model.job import Retries
from zoffsite.planning.waits import JITTER, growing_waits
from zoffsite.views.words import duration_words

log = logging.getLogger(__name__)
LONGEST_WAIT = 12 * 3600.0
"""Seconds that a scheduled run waits for another one of its job: a long backup, a drill. A first one may take weeks."""
PAUSE = 5.0
"""Seconds between two looks at a lock that is held."""
T = TypeVar("T")


def with_retries(attempt: Callable[[int], T], retries: Retries) -> T:
    """Call `attempt(number)`, counted from 0, until it succeeds, fails for good, or the retries are used up.

    Raises the last ZoffsiteError; RunInterruptedError at once when the run is stopped during a wait.
    """
    for number in range(retries.count):
        try:
            return attempt(number)
        except ZoffsiteError as error:
            if not error.transient:
                raise
            wait_before_retry(number, retries, error)
    return attempt(retries.count)


def wait_before_retry(failed: int, retries: Retries, error: ZoffsiteError) -> None:
    """Wait after attempt number `failed` (from 0) failed with `error`, but not longer than the run itself may go on.

    Raises RunInterruptedError at once when the run is being stopped.
    """
    pause = growing_waits(retries)[failed] * (1 + random.uniform(-JITTER, JITTER))  # noqa: S311 - guards no secret
    log.warning("%s; trying again in %s", error, duration_words(pause))
    with transfers.watch():
        transfers.stop_event.wait(pause)
    transfers.check(error.operation, error.subject)


def patiently(run: Callable[[], T]) -> T:
    """Call `run`; while another run of its job holds the lock, wait for the end of that one, within bounds.

    Nobody may be there to try again: a backup that is due while the retention is applied must not wait a day.
    Raises LockHeldError in the end, RunInterruptedError at once when the run is stopped while it waits.
    """
    deadline = time.monotonic() + LONGEST_WAIT
    holder = ""
    while True:
        try:
            return run()
        except LockHeldError as error:
            if time.monotonic() >= deadline:
                raise _given_up(error) from error
            if str(error) != holder:
                log.warning("%s; waiting for its end, %s at most", error, duration_words(LONGEST_WAIT))
            holder = str(error)
            with transfers.watch():
                transfers.stop_event.wait(PAUSE)  # a run that Prefect cancels raises here
            transfers.check(error.operation, error.subject)


def _given_up(error: LockHeldError) -> LockHeldError:
    return LockHeldError(
        error.operation,
        error.subject,
        f"{error.problem}; this run has waited {duration_words(LONGEST_WAIT)} for its end, and did nothing",
        error.remedy,
        code=error.code,
    )
