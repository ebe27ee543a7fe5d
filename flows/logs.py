"""What the core logs, on the page of the run."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.exceptions import MissingContextError
from prefect.logging.handlers import APILogHandler

CORE = ("zoffsite", "tasks")


@contextmanager
def logs_in_ui() -> Iterator[None]:
    """Send the log lines of the core to Prefect while a run lasts; PREFECT_LOGGING_EXTRA_LOGGERS is not needed."""
    handler = _RunLogHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    before = [(logger, logger.level) for logger in map(logging.getLogger, CORE)]
    for logger, level in before:
        if not any(isinstance(each, APILogHandler) for each in logger.handlers):  # by PREFECT_LOGGING_EXTRA_LOGGERS
            logger.addHandler(handler)
        if level == logging.NOTSET:
            logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        for logger, level in before:
            logger.removeHandler(handler)
            logger.setLevel(level)


class _RunLogHandler(APILogHandler):
    """Lines of threads that belong to no run have no page to go to."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (theirs)
        """Prefect's own would warn about each of them."""
        if not isinstance(sys.exc_info()[1], MissingContextError):
            super().handleError(record)


def without_tracebacks(*errors: type[Exception]) -> None:
    """From now on, keep Prefect from dressing these up: "Finished in state Failed(…)" says all there is to say.

    A task that returns a Failed state would be logged with its whole result and the traceback "NoneType: None", a
    served run that failed with "Engine execution exited with unexpected exception", after the flow has ended.
    """
    for logger in map(logging.getLogger, ("prefect.flow_runs", "prefect.task_runs")):
        logger.filters = [each for each in logger.filters if not isinstance(each, _WithoutTracebacks)]
        logger.addFilter(_WithoutTracebacks(errors))


class _WithoutTracebacks(logging.Filter):
    def __init__(self, errors: tuple[type[Exception], ...]) -> None:
        super().__init__()
        self._errors = errors

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.exc_info or not (record.exc_info[1] is None or isinstance(record.exc_info[1], self._errors))
