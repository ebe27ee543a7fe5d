"""Floor 2: how far a run under way is, for whoever looks from another process: `live/JOB.json` in the state directory.

A thread of its own writes the file every second, so bytes never wait for it; it is removed when the run ends. What a
killed run left is known by its age. Backups never depend on it.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from zoffsite.files import write_whole
from zoffsite.model.overview import LiveRun, Transfer

log = logging.getLogger(__name__)

LOOKING = "looking at both sides"
BACKUP = (LOOKING, "sending", "verifying and pruning")
STEPS = {
    "backup": BACKUP,
    "verify": (LOOKING,),
    "prune": (LOOKING, "pruning"),
    "prove": (LOOKING, "digesting on both sides"),
    "drill": (LOOKING, "restoring and comparing"),
}
"""The steps of a run, in their order, by its verb: before, during and after what takes long."""
EVERY = 1.0
"""Seconds between two writes."""
DEAD = timedelta(seconds=30)
"""A file that is older was left by a run that was killed."""


@dataclass(slots=True)
class _Moving:
    total: int
    began: float
    done: int = 0

    def as_transfer(self, dataset: str) -> Transfer:
        rate = self.done / max(time.monotonic() - self.began, 0.001)
        return Transfer(dataset=dataset, done=self.done, total=self.total, rate=rate)


@dataclass(slots=True)
class Board:
    """What a run says of itself while it goes on. A Progress, too; called from the threads that carry the bytes.

    It also counts, for the report: all attempts of a dataset together, however they ended.
    """

    job: str
    run: str
    started: datetime
    verb: str = "backup"
    finished: int = 0
    _arrived: bool = False
    _moving: dict[str, _Moving] = field(default_factory=dict)
    _moved: dict[str, tuple[int, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, dataset: str, total: int) -> None:
        """A send of about `total` bytes begins."""
        with self._lock:
            self._moving[dataset] = _Moving(total=total, began=time.monotonic())

    def advance(self, dataset: str, count: int) -> None:
        """`count` more bytes have gone."""
        with self._lock:
            self._moving[dataset].done += count

    def finish(self, dataset: str, *, complete: bool) -> None:
        """The send has ended, in whatever way; one that was cut is looked at again, and tried again."""
        with self._lock:
            self._arrived |= complete
            moving = self._moving.pop(dataset, None)
            if moving is not None:
                count, seconds = self._moved.get(dataset, (0, 0.0))
                self._moved[dataset] = (count + moving.done, seconds + time.monotonic() - moving.began)

    def moved(self, dataset: str) -> tuple[int, float] | None:
        """Bytes and seconds of all its sends that have ended; None where nothing was sent."""
        with self._lock:
            return self._moved.get(dataset)

    def one_done(self) -> None:
        """One more dataset needs nothing more."""
        with self._lock:
            self.finished += 1

    def now(self) -> LiveRun:
        """How far it is."""
        with self._lock:
            transfers = tuple(moving.as_transfer(dataset) for dataset, moving in self._moving.items())
            steps = steps_of(self.verb)
            after = self._arrived or self.finished
            step = steps[min(1 if transfers else 2 if after else 0, len(steps) - 1)]
            return LiveRun(
                job=self.job,
                run=self.run,
                verb=self.verb,
                started=self.started,
                updated=datetime.now(UTC),
                step=step,
                finished=self.finished,
                transfers=transfers,
            )


def steps_of(verb: str) -> tuple[str, ...]:
    """What a run of this verb does, one after the other."""
    return STEPS.get(verb, BACKUP)


_boards: dict[str, Board] = {}
"""The boards of the jobs that this process runs: whoever sends knows only its job."""


def board_of(job: str) -> Board | None:
    """The board of the run of `job` that is under way in this process."""
    return _boards.get(job)


@contextmanager
def on_board(job: str, run: str, started: datetime, directory: Path, verb: str = "backup") -> Iterator[Board]:
    """Show the run while the block goes on."""
    board, stop = Board(job=job, run=run, started=started, verb=verb), threading.Event()
    writer = threading.Thread(
        target=_write, args=(board, _path(job, directory), stop), name="zoffsite-live", daemon=True
    )
    _boards[job] = board
    writer.start()
    try:
        yield board
    finally:
        stop.set()
        writer.join(5 * EVERY)
        del _boards[job]


def read_live(job: str, directory: Path, now: datetime) -> LiveRun | None:
    """The run of `job` that is under way, whichever process runs it; None where none is."""
    try:
        live = _live(json.loads(_path(job, directory).read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.debug("the progress of job %s is not readable: %s", job, error)
        return None
    return live if live.job == job and now - live.updated < DEAD else None


def _write(board: Board, path: Path, stop: threading.Event) -> None:
    try:
        over = False
        while not over:
            write_whole(path, json.dumps(_tree(board.now())).encode(), durable=False)
            over = stop.wait(EVERY)
        path.unlink(missing_ok=True)
    except OSError as error:
        log.debug("the progress of job %s could not be written: %s", board.job, error.strerror)


def _path(job: str, directory: Path) -> Path:
    return directory / "live" / f"{job}.json"


def _tree(live: LiveRun) -> dict[str, Any]:
    return {**asdict(live), "started": live.started.isoformat(), "updated": live.updated.isoformat()}


def _live(tree: dict[str, Any]) -> LiveRun:
    return LiveRun(
        job=str(tree["job"]),
        run=str(tree["run"]),
        verb=str(tree["verb"]),
        started=datetime.fromisoformat(tree["started"]).astimezone(UTC),
        updated=datetime.fromisoformat(tree["updated"]).astimezone(UTC),
        step=str(tree["step"]),
        finished=int(tree["finished"]),
        transfers=tuple(
            Transfer(
                dataset=str(each["dataset"]), done=int(each["done"]), total=int(each["total"]), rate=float(each["rate"])
            )
            for each in tree["transfers"]
        ),
    )
