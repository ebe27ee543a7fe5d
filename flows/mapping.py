"""The chain of each dataset as a task run of its own, several at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from prefect import unmapped
from prefect.futures import as_completed
from prefect.task_runners import ThreadPoolTaskRunner

from tasks.options import value_of
from tasks.replicate import replicate
from zoffsite.hosts.transfers import transfers
from zoffsite.model.job import Job
from zoffsite.model.report import DatasetOutcome
from zoffsite.model.work import Work
from zoffsite.planning.clones import waves


def each_on_its_own(job: Job, works: Sequence[Work], now: datetime) -> Iterator[DatasetOutcome]:
    """send → verify → prune of each dataset, as far as its plan needs them; its outcome as soon as it is known."""
    pool: ThreadPoolTaskRunner[Any]
    with ThreadPoolTaskRunner(max_workers=job.parallel) as pool, _nothing_outlives():
        for wave in waves(works):
            futures: list[Any] = pool.map(replicate, {"job": unmapped(job), "work": wave, "now": unmapped(now)})
            for future in as_completed(futures):
                yield value_of(future)


@contextmanager
def _nothing_outlives() -> Iterator[None]:
    """A cancelled run raises in the main thread; the pool then waits for its threads, so their transfers end first."""
    try:
        yield
    except BaseException:
        transfers.stop_all()
        raise
