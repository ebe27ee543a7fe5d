"""A bandwidth limit shared by all transfers of a job in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from zoffsite.hosts.runner import MIB

BURST = 0.25
"""Seconds: an idle line may be used at once for this long; also how long one piece may take to send."""
SMALLEST = 4 << 10


class Limiter:
    """Lets `rate` bytes per second through, all callers together; None means no limit.

    Each caller books the next free stretch of the line and waits until it begins: first come, first served, and
    the sum over all of them is exact whatever their number.
    """

    def __init__(
        self,
        rate: int | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """`wait` is given seconds; pass an event's `wait`, so that setting the event ends the waiting."""
        self._rate = rate
        self._clock = clock
        self._wait = wait
        self._lock = threading.Lock()
        self._free_at = clock()

    @property
    def piece(self) -> int:
        """How many bytes to hand over at a time, so that a slow line is used evenly."""
        if self._rate is None:
            return MIB
        return max(SMALLEST, min(MIB, int(self._rate * BURST)))

    def delay(self, size: int) -> float:
        """Book the line for `size` bytes; the seconds until they may go."""
        if self._rate is None:
            return 0.0
        with self._lock:
            now = self._clock()
            begins = max(self._free_at, now - BURST)
            self._free_at = begins + size / self._rate
            return max(0.0, begins - now)

    def take(self, size: int) -> None:
        """Wait until `size` bytes may go, or until the wait is broken off."""
        delay = self.delay(size)
        if delay > 0:
            self._wait(delay)
