"""Progress bars on a terminal, log lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as RichProgress

from zoffsite.actions.progress import Progress, log_progress
from zoffsite.cli.context import console


class BarProgress:
    """A bar per transfer; finished ones stay as a line above the running ones."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def start(self, dataset: str, total: int) -> None:
        """See Progress."""
        self._tasks[dataset] = self._bars.add_task(dataset, total=total or None)

    def advance(self, dataset: str, count: int) -> None:
        """See Progress."""
        self._bars.advance(self._tasks[dataset], count)

    def finish(self, dataset: str, *, complete: bool) -> None:
        """See Progress. The estimate gives way to what really went."""
        task = self._tasks.pop(dataset)
        if complete:
            done = next(each.completed for each in self._bars.tasks if each.id == task)
            self._bars.update(task, total=done or 1, completed=done or 1)
        self._bars.stop_task(task)


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Bars if someone watches, else log lines."""
    if not sys.stderr.isatty():
        yield log_progress()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
    )
    with RichProgress(*columns, console=console(stderr=True)) as bars:
        yield BarProgress(bars)
