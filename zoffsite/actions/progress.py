"""How long work shows itself: one protocol, drawn as bars by the CLI, as log lines, or as an artifact in the UI."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from zoffsite.live import board_of
from zoffsite.views.words import duration_words, rate_words, size_words

log = logging.getLogger(__name__)


class Progress(Protocol):
    """Told of every transfer; called from the threads that carry them. Sizes are bytes."""

    def start(self, dataset: str, total: int) -> None:
        """A send of about `total` bytes begins."""

    def advance(self, dataset: str, count: int) -> None:
        """`count` more bytes have gone."""

    def finish(self, dataset: str, *, complete: bool) -> None:
        """The send has ended: everything has arrived, or it broke off."""


@dataclass(slots=True)
class Meter:
    """Bytes, rate and remaining time of one transfer, for whoever draws it. `clock` gives seconds."""

    total: int
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock()

    @property
    def rate(self) -> float:
        """Bytes per second since the start."""
        return self.done / max(self.clock() - self.started, 0.001)

    @property
    def percent(self) -> float:
        """0–100, of an estimate: see `finish`."""
        return min(100.0 * self.done / self.total, 100.0) if self.total else 100.0

    def words(self) -> str:
        """One line: `1.2 GiB of 3.4 GiB (35 %), 52.1 MiB/s, 43 seconds left`."""
        line = f"{size_words(self.done)} of {size_words(self.total)} ({self.percent:.0f} %), {rate_words(self.rate)}"
        if self.rate > 0 and self.total > self.done:
            line += f", {duration_words((self.total - self.done) / self.rate)} left"
        return line


class MeteredProgress:
    """Keeps a Meter per dataset and calls `draw(dataset, meter, last)` at most every `every` seconds of each."""

    def __init__(self, draw: Callable[[str, Meter, bool], None], *, every: float) -> None:
        self._draw = draw
        self._every = every
        self._meters: dict[str, Meter] = {}
        self._drawn: dict[str, float] = {}
        self._lock = threading.Lock()

    def start(self, dataset: str, total: int) -> None:
        """A send of about `total` bytes begins."""
        meter = Meter(total=total)
        with self._lock:
            self._meters[dataset] = meter
            self._drawn[dataset] = meter.started

    def advance(self, dataset: str, count: int) -> None:
        """Count, and draw when it is time."""
        with self._lock:
            meter = self._meters[dataset]
            meter.done += count
            now = meter.clock()
            due = now - self._drawn[dataset] >= self._every
            if due:
                self._drawn[dataset] = now
        if due:
            self._draw(dataset, meter, False)

    def finish(self, dataset: str, *, complete: bool) -> None:
        """Draw a last time. What has arrived was all there was, whatever the estimate said."""
        with self._lock:
            meter = self._meters.pop(dataset)
        if complete:
            meter.total = meter.done
        self._draw(dataset, meter, True)


class Both:
    """One progress for two."""

    def __init__(self, *parts: Progress) -> None:
        self._parts = parts

    def start(self, dataset: str, total: int) -> None:
        """See Progress."""
        for part in self._parts:
            part.start(dataset, total)

    def advance(self, dataset: str, count: int) -> None:
        """See Progress."""
        for part in self._parts:
            part.advance(dataset, count)

    def finish(self, dataset: str, *, complete: bool) -> None:
        """See Progress."""
        for part in self._parts:
            part.finish(dataset, complete=complete)


def shown_on_board(job: str, progress: Progress) -> Progress:
    """`progress`, and the board of the run under way in this process, where one is."""
    board = board_of(job)
    return progress if board is None else Both(progress, board)


def log_progress(every: float = 10.0) -> MeteredProgress:
    """Progress as log lines: where there is no terminal."""
    return MeteredProgress(log_progress_line, every=every)


def log_progress_line(dataset: str, meter: Meter, last: bool) -> None:
    """One line about one transfer, in the log."""
    log.info("%s: %s %s", dataset, "ended after" if last else "at", meter.words())
