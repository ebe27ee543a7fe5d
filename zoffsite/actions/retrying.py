"""Transient failures are tried again, with growing waits and jitter; all others are not."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import TypeVar

from zoffsite.hosts.transfers import transfers
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.job import Retries
from zoffsite.planning.waits import JITTER, growing_waits
from zoffsite.views.words import duration_words

log = logging.getLogger(__name__)
T = TypeVar("T")


def with_retries(attempt: Callable[[int], T], retries: Retries) -> T:
    """Call `attempt(number)`, counted from 0, until it succeeds, fails for good, or the retries are used up.

    Raises the last ZoffsiteError; RunInterruptedError at once when the run is stopped during a wait.
    """
    for number, wait in enumerate(growing_waits(retries)):
        try:
            return attempt(number)
        except ZoffsiteError as error:
            if not error.transient:
                raise
            pause = wait * (1 + random.uniform(-JITTER, JITTER))  # noqa: S311 - spreads load, guards no secret
            log.warning("%s; trying again in %s", error, duration_words(pause))
            _pause(pause, error)
    return attempt(retries.count)


def _pause(seconds: float, error: ZoffsiteError) -> None:
    """Wait, but not longer than the run itself may go on."""
    with transfers.watch():
        transfers.stop_event.wait(seconds)
    transfers.check(error.operation, error.subject)
