"""Progress in the Prefect UI: a bar, and a line in the log now and then."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from tasks.artifacts import artifact_key
from tasks.telling import best_effort
from zoffsite.actions.progress import Both, Meter, MeteredProgress, Progress, log_progress

BAR_EVERY = 3.0
"""Seconds between two updates of a bar (13 ms each)."""
LINE_EVERY = 30.0
"""Seconds between two lines in the log."""
LAST_WORD = 5.0
"""Seconds that the end of a transfer waits for its bar to say so."""


class Bar:
    """A progress artifact. Prefect is told by a thread of its own: bytes never wait for a server that hangs."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._artifact: UUID | None = None
        self._teller = ThreadPoolExecutor(max_workers=1, thread_name_prefix="zoffsite-bar")
        self._telling: Future[bool] | None = None

    def draw(self, _: str, meter: Meter, last: bool) -> None:
        """Show where `meter` is; skipped while the word before is still on its way, unless it is the last one."""
        if not last and self._telling is not None and not self._telling.done():
            return
        percent, words = round(meter.percent, 1), meter.words()
        self._telling = self._teller.submit(copy_context().run, self._tell, percent, words)

    def close(self) -> None:
        """Let the last word out, if that does not take long."""
        if self._telling is not None:
            wait((self._telling,), LAST_WORD)
        self._teller.shutdown(wait=False, cancel_futures=True)

    @best_effort
    def _tell(self, percent: float, words: str) -> None:
        if self._artifact is not None:
            update_progress_artifact(self._artifact, progress=percent, description=words)
            return
        created = create_progress_artifact(percent, key=self._key, description=words)
        assert isinstance(created, UUID)  # noqa: S101 - we are never in an async context
        self._artifact = created


@contextlib.contextmanager
def shown_progress(verb: str, dataset: str) -> Iterator[Progress]:
    """Progress of what is done with one dataset, as a bar and as lines."""
    bar = Bar(artifact_key(verb, dataset))
    try:
        yield Both(MeteredProgress(bar.draw, every=BAR_EVERY), log_progress(every=LINE_EVERY))
    finally:
        bar.close()
