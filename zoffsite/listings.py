"""Floor 2: what each host listed last, kept from run to run: `listings/JOB.SIDE.sqlite` in the state directory.

A run writes only what has changed. A file that is lost or broken costs one whole listing, nothing else.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from sys import intern

from zoffsite.model.job import Job
from zoffsite.model.listing import Listed, Listings
from zoffsite.model.plan import Side
from zoffsite.model.snapshots import Snapshots

log = logging.getLogger(__name__)

TYPECODES = "QQQQQIB"
FORMAT = f"1 {sys.byteorder} {' '.join(str(array(code).itemsize) for code in TYPECODES)}"
"""The columns of a dataset are one after the other in `numbers`, as this machine has them in its memory."""

TABLES = """
    CREATE TABLE IF NOT EXISTS host (format TEXT, "of" TEXT, began REAL, unable INTEGER);
    CREATE TABLE IF NOT EXISTS listed (name TEXT PRIMARY KEY, identity TEXT, changed TEXT, since REAL, at REAL,
        snapshots TEXT, numbers BLOB)
"""


def recall_listings(job: Job, side: Side) -> Listings | None:
    """What is remembered of one side; None where nothing is."""
    path = _path(job, side)
    if not path.exists():
        return None
    try:
        with _open(path) as db:
            form, of, began, unable = db.execute("SELECT * FROM host").fetchone()
            if form != FORMAT:
                return None
            datasets = {row[0]: _listed(*row) for row in db.execute("SELECT * FROM listed")}
            return Listings(of=of, began=began, unable=bool(unable), datasets=datasets)
    except (OSError, sqlite3.Error, ValueError, TypeError) as error:
        log.info("what the %s listed last cannot be read, so all is listed: %s", side, error)
        return None


def keep_listings(job: Job, side: Side, known: Listings, before: Listings | None) -> None:
    """Remember `known` for the next run, where `before` is what was recalled."""
    path = _path(job, side)
    try:
        if before is None:
            _remove(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(0o600)
        with _open(path) as db:
            _write(db, known, before or Listings(of="", began=0.0))
    except (OSError, sqlite3.Error) as error:
        log.warning("what the %s has listed could not be remembered: %s", side, error)


def forget_listings(job: Job) -> None:
    """From now on nothing of it counts."""
    for side in Side:
        with contextlib.suppress(OSError):
            _remove(_path(job, side))


def _remove(path: Path) -> None:
    """The journal goes last: what a killed run left in it belongs to this file only, and must never meet another."""
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}-journal").unlink(missing_ok=True)


def _write(db: sqlite3.Connection, known: Listings, before: Listings) -> None:
    gone = [(name,) for name in before.datasets if name not in known.datasets]
    new = ((name, each) for name, each in known.datasets.items() if before.datasets.get(name) is not each)
    for statement in TABLES.split(";"):
        db.execute(statement)
    db.execute("DELETE FROM host")
    db.execute("INSERT INTO host VALUES (?, ?, ?, ?)", (FORMAT, known.of, known.began, known.unable))
    db.executemany("DELETE FROM listed WHERE name = ?", gone)
    db.executemany(
        "INSERT OR REPLACE INTO listed VALUES (?, ?, ?, ?, ?, ?, ?)", (_row(name, each) for name, each in new)
    )


@contextlib.contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction. Nobody waits: the job's lock lets no other run come here."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db, db:
        db.execute("BEGIN")
        yield db


def _row(name: str, each: Listed) -> tuple[str, str, str, float, float, str, bytes]:
    numbers = b"".join(column.tobytes() for column in each.snapshots.numbers)
    return name, each.identity, each.changed, each.since, each.at, "\n".join(each.snapshots.names), numbers


def _listed(dataset: str, identity: str, changed: str, since: float, at: float, names: str, numbers: bytes) -> Listed:
    """ValueError where the columns are not of one length."""
    many = tuple(map(intern, names.split("\n"))) if names else ()
    columns: list[array[int]] = []
    start = 0
    for code in TYPECODES:
        column = array(code)
        end = start + column.itemsize * len(many)
        column.frombytes(numbers[start:end])
        columns.append(column)
        start = end
    if start != len(numbers):
        raise ValueError(f"the columns of {dataset} are not of one length")
    snapshots = Snapshots(dataset, many, *columns)
    return Listed(identity=identity, changed=changed, since=since, at=at, snapshots=snapshots)


def _path(job: Job, side: Side) -> Path:
    return job.ledger.parent / "listings" / f"{job.name}.{side}.sqlite"
