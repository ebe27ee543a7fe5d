"""How long to wait before each retry."""

from __future__ import annotations

from zoffsite.model.job import Retries

JITTER = 0.3
"""The share of a wait by which it is made longer or shorter at random, so that many jobs do not return at once."""


def growing_waits(retries: Retries) -> tuple[float, ...]:
    """Seconds before the first, second … retry: doubled each time, up to the longest wait.

    >>> growing_waits(Retries(count=4, first_wait=10, longest_wait=60))
    (10, 20, 40, 60)
    """
    return tuple(min(retries.first_wait * 2**number, retries.longest_wait) for number in range(retries.count))
