"""Floor 2: the last lines that our log said, for whoever was not there."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

MOST = 100
"""Lines that are kept."""


class _Tail(logging.Handler):
    def __init__(self, lines: deque[str]) -> None:
        super().__init__(logging.INFO)
        self.lines = lines
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def log_tail() -> Iterator[deque[str]]:
    """What our log says while the block runs, the newest last; nothing below INFO, where commands are."""
    lines: deque[str] = deque(maxlen=MOST)
    tail, logger = _Tail(lines), logging.getLogger("zoffsite")
    logger.addHandler(tail)
    try:
        yield lines
    finally:
        logger.removeHandler(tail)
