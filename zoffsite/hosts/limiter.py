"""A bandwidth limit shared by all transfers of a job in this process. It may change at any time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from zoffsite.hosts.runner import MIB

BURST = 0.25
"""Seconds: an idle line may be used at once for this long; also how long one piece may take to send."""
SMALLEST = 4 << 10
LOOK = 1.0
"""Seconds: whoever waits looks at the rate again this often, so that a change is taken up within this time."""
MOMENT = 1e-6
"""Seconds: less is nothing. Rounding errors would else be waited for, one after the other."""


class Limiter:
    """Lets as many bytes per second through as `rate` says at the moment, all callers together; None means no limit.

    Each caller books the next stretch of the line and waits until the line has come to where it begins: first come,
    first served, and the sum over all of them is exact whatever their number. A booking is a place on the line, in
    bytes, not a time: when the rate changes, everything that is booked comes sooner or later accordingly.
    """

    def __init__(
        self,
        rate: Callable[[], int | None],
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """`wait` is given seconds; pass an event's `wait`, so that setting the event ends the waiting."""
        self._rate_now = rate
        self._clock = clock
        self._wait = wait
        self._lock = threading.Lock()
        self._rate = rate()
        self._looked = clock()
        self._passed = 0.0
        self._booked = 0

    @property
    def piece(self) -> int:
        """How many bytes to hand over at a time, so that a slow line is used evenly."""
        rate = self._rate_now()
        if rate is None:
            return MIB
        return max(SMALLEST, min(MIB, int(rate * BURST)))

    def book(self, size: int) -> int:
        """Book the next `size` bytes of the line; the place at which they begin."""
        with self._lock:
            self._go_on()
            place = self._booked
            self._booked += size
            return place

    def delay(self, place: int) -> float:
        """The seconds until the line has come to `place`, if the rate stays as it is now."""
        with self._lock:
            self._go_on()
            seconds = 0.0 if self._rate is None else (place - self._passed) / self._rate
            return seconds if seconds > MOMENT else 0.0

    def take(self, size: int) -> None:
        """Wait until `size` bytes may go, or until the wait is broken off."""
        place = self.book(size)
        while (delay := self.delay(place)) > 0:
            if self._wait(min(delay, LOOK)):
                return

    def _go_on(self) -> None:
        """Move the line on by the time since the last look, at the rate that it had then."""
        now, rate = self._clock(), self._rate_now()
        if self._rate is None or rate is None:
            self._passed = float(self._booked)
        else:
            most = self._booked + min(self._rate, rate) * BURST  # an idle time is not saved up
            self._passed = min(self._passed + self._rate * (now - self._looked), most)
        self._looked, self._rate = now, rate
