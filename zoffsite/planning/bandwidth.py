"""How fast a job may send, or a proof may read, at a time of the day."""

from __future__ import annotations

from datetime import time

from zoffsite.model.job import Job, ProofRule, Window


def rate_at(rule: Job | ProofRule, local: time) -> int | None:
    """Bytes per second when the clock on the wall says `local`; None: no limit. The first window that fits counts.

    The wall clock alone decides, also when it is put forward or back: what it skips does not happen on that day, what
    it shows twice happens twice.
    """
    return next((window.rate for window in rule.windows if _within(window, local)), rule.bandwidth)


def _within(window: Window, local: time) -> bool:
    """From the first second of `start` to the last before `end`, which may be on the next day."""
    if window.start < window.end:
        return window.start <= local < window.end
    return local >= window.start or local < window.end
