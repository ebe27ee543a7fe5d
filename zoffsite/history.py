"""Floor 2: the last runs of each job, a line each: `history/JOB.jsonl` in the state directory.

Backups never depend on it. A file that is lost or broken costs a table, a picture, and one run too many after a time
in which the machine was off.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from zoffsite.files import write_whole
from zoffsite.model.history import PastRun
from zoffsite.model.report import RunState

log = logging.getLogger(__name__)

MOST = 500
"""Runs of one job that are remembered: three weeks of hourly ones, more than a year of daily ones."""


def remember_run(job: str, past: PastRun, directory: Path) -> None:
    """Add a run of `job`, as the newest; the oldest makes room. Not all that call this hold the job's lock."""
    try:
        with _one_at_a_time(_path(job, directory).parent):
            lines = [*past_runs(job, directory), past][-MOST:]
            content = "".join(f"{json.dumps(_tree(each), ensure_ascii=False)}\n" for each in lines)
            write_whole(_path(job, directory), content.encode())
    except OSError as error:
        log.error("the history of job %s could not be saved: %s", job, error.strerror)


def past_runs(job: str, directory: Path) -> Sequence[PastRun]:
    """The last runs of `job`, oldest first; a line that cannot be read is left out."""
    try:
        lines = _path(job, directory).read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return ()
    except OSError as error:
        log.warning("the history of job %s is not readable: %s", job, error.strerror)
        return ()
    return tuple(past for past in map(_read, lines) if past is not None)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """A run that never began, or a look of the doctor, must not take away the line of one that ends just then."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _path(job: str, directory: Path) -> Path:
    return directory / "history" / f"{job}.jsonl"


def _tree(past: PastRun) -> dict[str, Any]:
    return {**asdict(past), "started": past.started.isoformat()}


def _read(line: str) -> PastRun | None:
    try:
        tree = json.loads(line)
        changed = {"started": datetime.fromisoformat(tree["started"]), "state": RunState(tree["state"])}
        return PastRun(**{**tree, **changed})
    except (ValueError, KeyError, TypeError):
        return None
