"""All programs that run for us right now, in this process: who cuts them when they stall, time out or must stop.

A read from a pipe or a write to a socket can block for ever, and neither knows of deadlines or of Ctrl-C. So each
piece of work holds a Watch, and one thread looks at all watches ten times a second and kills what is overdue.

`stop_all` only sets a flag: that is all that a signal handler may safely do, and it is enough.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from zoffsite.model.errors import RunInterruptedError

TICK = 0.1
"""Seconds between two looks. Everything here happens within one tick, and no sooner."""


class Killable(Protocol):
    """What a Watch answers for: a Process, or the waiting for something."""

    def kill(self) -> None:
        """See Process."""
        ...


class Watch:
    """One piece of work with the processes it uses. Overdue or stopped: all of them are killed, and stay so.

    One that is `undoing` what the run has done goes on while the run is being stopped.
    """

    def __init__(self, *, undoing: bool = False) -> None:
        self._undoing = undoing
        self._lock = threading.Lock()
        self._processes: list[Killable] = []
        self._cut = False
        self._deadline: float | None = None
        self.overdue = False

    def add(self, process: Killable) -> None:
        """Answer for `process` from now on; killed at once when the work was already cut."""
        with self._lock:
            self._processes.append(process)
            cut = self._cut
        if cut:
            process.kill()

    def expect_within(self, seconds: float) -> None:
        """Something must happen within `seconds` from now: until the next call of this, or of `rest`."""
        self._deadline = time.monotonic() + seconds

    def rest(self) -> None:
        """Nothing is expected now, as while the bandwidth limit makes us wait."""
        self._deadline = None

    def cut(self) -> None:
        """Kill every process of this work."""
        with self._lock:
            self._cut = True
            processes = tuple(self._processes)
        for process in processes:
            process.kill()

    def look(self, now: float, *, stopping: bool) -> None:
        """Called by the watching thread."""
        deadline = self._deadline
        stopped = stopping and not self._undoing
        if not stopped and (deadline is None or now < deadline):
            return
        self.overdue = self.overdue or not stopped
        self._deadline = None
        self.cut()


class Transfers:
    """The registry. There is one in a process (`transfers`); tests make their own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: set[Watch] = set()
        self._watcher: threading.Thread | None = None
        self._stopping = False
        self.stop_event = threading.Event()

    def stop_all(self) -> None:
        """End all work at once, and refuse new work until `reset`. For any thread and any signal handler."""
        self._stopping = True

    def reset(self) -> None:
        """Allow work again. To be called before signals are listened to: no request to stop may be lost."""
        self._stopping = False
        self.stop_event.clear()

    @property
    def stopping(self) -> bool:
        """True from `stop_all` until `reset`."""
        return self._stopping

    def check(self, operation: str, subject: str) -> None:
        """Raise RunInterruptedError if the run is being stopped."""
        if self._stopping:
            raise RunInterruptedError(
                operation,
                subject,
                "the run was asked to stop",
                "run it again: what has already arrived is kept, and the transfer resumes from there",
                code="interrupted",
            )

    @contextmanager
    def watch(self, *, undoing: bool = False) -> Iterator[Watch]:
        """A watch for one piece of work, for as long as the block lasts."""
        watch = Watch(undoing=undoing)
        with self._lock:
            self._watches.add(watch)
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._look, name="zoffsite-watcher", daemon=True)
                self._watcher.start()
        try:
            yield watch
        finally:
            with self._lock:
                self._watches.discard(watch)

    def _look(self) -> None:
        """Until there is nothing left to watch: an idle process has no thread of ours."""
        while True:
            with self._lock:
                watches = tuple(self._watches)
                if not watches:
                    self._watcher = None
                    return
            if self._stopping:
                self.stop_event.set()
            for watch in watches:
                watch.look(time.monotonic(), stopping=self._stopping)
            time.sleep(TICK)


transfers = Transfers()
