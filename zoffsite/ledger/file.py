"""The SQLite file itself: made whole, brought to our version, used in one transaction at a time."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

from zoffsite.ledger import schema
from zoffsite.model.errors import OperationError

BUSY = 30.0
"""Seconds to wait for another process that is writing."""


class LedgerFile:
    """The file of one state directory, as one job sees it."""

    def __init__(self, path: Path, job: str) -> None:
        self.path = path
        self.job = job

    @property
    def _made(self) -> bool:
        """False where there is no ledger yet; one that this user may not even look for is there, and then an error."""
        try:
            self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True
        return True

    @contextlib.contextmanager
    def _transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """The file, made where it is missing and brought to our version; committed unless something goes wrong."""
        try:
            if not self._made:
                _make(self.path)
            with contextlib.closing(_open(self.path)) as db:
                version = db.execute("PRAGMA user_version").fetchone()[0]
                if version > len(schema.MIGRATIONS):
                    raise self._newer(version)
                db.execute(begin)
                with db:
                    schema.migrate(db)
                    yield db
        except (sqlite3.Error, OSError, ValueError) as error:
            raise self._failed(error) from error

    def _newer(self, version: int) -> OperationError:
        return OperationError(
            "use",
            f"the ledger {self.path}",
            f"a newer zoffsite made it (version {version}; this one knows {len(schema.MIGRATIONS)})",
            "install the newer zoffsite again; alarms and changed keys go unnoticed, and nothing is pruned, until then",
            code="ledger-newer",
        )

    def _failed(self, error: sqlite3.Error | OSError | ValueError) -> OperationError:
        broken = not isinstance(error, sqlite3.OperationalError | OSError)
        path = quote(str(self.path))
        return OperationError(
            "use",
            f"the ledger {self.path}",
            f"it cannot be {'read' if broken else 'used'} ({error})",
            f"set it aside, and the next run begins a new one from what both sides have: mv {path} {path}.broken"
            if broken
            else f"see that its disk is not full, and that it belongs to whoever runs the job: ls -l {path}",
            code="ledger-unreadable" if broken else "ledger-failed",
        )


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
    db.execute("PRAGMA synchronous = FULL")
    return db


def _make(path: Path) -> None:
    """A whole ledger gets the name at once: nobody ever meets one that is half made, whoever else makes one too."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        with contextlib.closing(_open(Path(name))) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("BEGIN IMMEDIATE")
            with db:
                schema.migrate(db)
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


def as_text(moment: datetime) -> str:
    """As every table has it, in UTC: such texts sort as their moments do."""
    return moment.astimezone(UTC).isoformat()
