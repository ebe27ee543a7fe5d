"""How many do something at the same time."""

from __future__ import annotations

import threading


class Crowd:
    """Whoever joins waits until it is as many as may be, and then for a moment in which one more would come."""

    def __init__(self, allowed: int) -> None:
        self.most = 0
        self._allowed = allowed
        self._inside = 0
        self._lock = threading.Lock()
        self._as_many = threading.Barrier(allowed)
        self._too_many = threading.Event()

    def join(self) -> None:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
            if self._inside > self._allowed:
                self._too_many.set()
        self._as_many.wait(timeout=30)
        self._too_many.wait(timeout=0.1)
        with self._lock:
            self._inside -= 1
