"""Floor 2: the ledger, what was sent to whom, in SQLite: what no listing can say, because the box could lie in it.

Facts decide what is sent, with or without a ledger. It is asked for what needs memory: whether the box still has what
it had, whether the wrapped key is the one that went there before, how large a dataset's increments usually are, which
alarms nobody has acknowledged yet.

Each call opens the file, does one transaction and closes it, so that threads and processes are in nobody's way. Reading
makes no file. Every failure is an OperationError: "ledger-unreadable", "ledger-newer" or "ledger-failed".
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

from zoffsite.model.errors import OperationError
from zoffsite.model.memory import Increment, Memory, OnBox, Remembered, SentSnapshot, StandingAlarm
from zoffsite.model.notice import Notice
from zoffsite.model.proof import ProofOutcome, ProofResult, Proved

BUSY = 30.0
"""Seconds to wait for another process that is writing."""
HABIT = 30
"""How many of a replica's last increments are its habit."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # A guid has 64 bits without a sign, an INTEGER here 63 and one: it is text. `gone`: pruned by us, or lost.
        """CREATE TABLE sent (
            id INTEGER PRIMARY KEY, job TEXT NOT NULL, dataset TEXT NOT NULL, dataset_guid TEXT NOT NULL,
            replica TEXT NOT NULL, snapshot TEXT NOT NULL, guid TEXT NOT NULL, base_guid TEXT,
            written INTEGER, bytes INTEGER, seconds REAL, at TEXT NOT NULL, key TEXT,
            gone INTEGER NOT NULL DEFAULT 0, UNIQUE (job, replica, guid)
        ) STRICT""",
        """CREATE TABLE trusted (
            job TEXT NOT NULL, replica TEXT NOT NULL, dataset TEXT NOT NULL, dataset_guid TEXT NOT NULL,
            key TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (job, replica)
        ) STRICT""",
        """CREATE TABLE alarms (
            job TEXT NOT NULL, dataset TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, at TEXT NOT NULL,
            told INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (job, dataset, code)
        ) STRICT""",
    ),
    # For a restore: which key opened the dataset when it was sent.
    ("ALTER TABLE sent ADD COLUMN encryptionroot TEXT",),
    (
        # `base_guid` is "0" for a full stream; `equal` says whether both ends came to the same.
        """CREATE TABLE proofs (
            id INTEGER PRIMARY KEY, job TEXT NOT NULL, dataset TEXT NOT NULL, replica TEXT NOT NULL,
            snapshot TEXT NOT NULL, guid TEXT NOT NULL, base_guid TEXT NOT NULL, equal INTEGER NOT NULL,
            bytes INTEGER NOT NULL, seconds REAL NOT NULL, at TEXT NOT NULL
        ) STRICT""",
    ),
)
"""One tuple of statements a version; `user_version` counts those that a file has seen. Never change an old one."""


class Ledger:
    """The ledger of one state directory, as one job sees it."""

    def __init__(self, path: Path, job: str) -> None:
        self.path = path
        self.job = job

    def recall(self) -> Memory:
        """All that is known of the job."""
        if not self.path.exists():
            return Memory()
        with self._transaction("BEGIN") as db:
            return Memory(replicas=self._replicas(db), alarms=self._alarms(db))

    def guids(self) -> frozenset[int]:
        """Every snapshot that any job ever sent, as far as it is written down, gone from the box or not."""
        if not self.path.exists():
            return frozenset()
        with self._transaction("BEGIN") as db:
            return frozenset(int(guid) for (guid,) in db.execute("SELECT guid FROM sent"))

    def increments(self, since: datetime) -> tuple[Increment, ...]:
        """What was sent in increments after `since`, oldest first."""
        if not self.path.exists():
            return ()
        with self._transaction("BEGIN") as db:
            rows = db.execute(
                "SELECT dataset, written, at FROM sent WHERE job = ? AND base_guid IS NOT NULL AND at >= ? ORDER BY id",
                (self.job, _text(since)),
            )
            return tuple(
                Increment(dataset=dataset, written=written, when=datetime.fromisoformat(at))
                for dataset, written, at in rows
            )

    def alarms(self) -> Mapping[str, tuple[StandingAlarm, ...]]:
        """The alarms that stand, by the names of their datasets."""
        if not self.path.exists():
            return {}
        with self._transaction("BEGIN") as db:
            return self._alarms(db)

    def trust(self, replica: str, dataset: str, dataset_guid: int, key: str, *, anew: bool) -> str:
        """Remember what a replica is made of, if nothing is remembered yet, or in any case with `anew`.

        Returns the fingerprint that is trusted now.
        """
        row = (self.job, replica, dataset, str(dataset_guid), key, _text(datetime.now(UTC)))
        with self._transaction() as db:
            db.execute(f"INSERT OR {'REPLACE' if anew else 'IGNORE'} INTO trusted VALUES (?, ?, ?, ?, ?, ?)", row)  # noqa: S608
            found = db.execute("SELECT key FROM trusted WHERE job = ? AND replica = ?", (self.job, replica))
            return str(found.fetchone()[0])

    def add(self, sent: SentSnapshot) -> None:
        """Write down a snapshot that was sent; one that was sent before counts as new."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO sent (job, dataset, dataset_guid, replica, snapshot, guid, base_guid, written,"
                " bytes, seconds, at, key, encryptionroot) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    self.job,
                    sent.dataset,
                    str(sent.dataset_guid),
                    sent.replica,
                    sent.name,
                    str(sent.guid),
                    None if sent.base_guid is None else str(sent.base_guid),
                    sent.written,
                    sent.bytes,
                    sent.seconds,
                    _text(sent.when),
                    sent.key,
                    sent.encryptionroot,
                ),
            )

    def seen(self, snapshots: Iterable[tuple[str, int, str, OnBox]]) -> None:
        """Write down what the box has although nobody remembers that it was sent, or it was thought to be gone.

        Each with its dataset, the guid of that, and the replica.
        """
        now = _text(datetime.now(UTC))
        rows = [
            (self.job, dataset, str(dataset_guid), replica, each.name, str(each.guid), now)
            for dataset, dataset_guid, replica, each in snapshots
        ]
        with self._transaction() as db:
            db.executemany(
                "INSERT INTO sent (job, dataset, dataset_guid, replica, snapshot, guid, at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (job, replica, guid) DO UPDATE SET gone = 0",
                rows,
            )

    def gone(self, snapshots: Iterable[tuple[str, int]]) -> None:
        """From now on the box need not have these (replica, guid) any more."""
        with self._transaction() as db:
            db.executemany(
                "UPDATE sent SET gone = 1 WHERE job = ? AND replica = ? AND guid = ?",
                [(self.job, replica, str(guid)) for replica, guid in snapshots],
            )

    def renamed(self, old: Remembered, dataset: str, replica: str) -> None:
        """From now on all that is known of `old` is known of these names."""
        names = (self.job, old.dataset, old.replica)
        with self._transaction() as db:
            db.execute("UPDATE OR REPLACE alarms SET dataset = ?4 WHERE job = ?1 AND dataset = ?2", (*names, dataset))
            for table in ("sent", "trusted", "proofs"):
                db.execute(
                    f"UPDATE OR REPLACE {table} SET dataset = ?4, replica = ?5 WHERE job = ?1 AND replica = ?3",  # noqa: S608
                    (*names, dataset, replica),
                )

    def add_proof(self, outcome: ProofOutcome) -> None:
        """Write down what both ends said of a stream; one of which nobody knows is none."""
        replica, base, to = outcome.provable.unit
        row = (
            self.job,
            outcome.provable.dataset,
            replica,
            outcome.provable.ours.to.name,
            str(to),
            str(base),
            outcome.state is ProofResult.PROVED,
            outcome.bytes,
            outcome.seconds,
            _text(outcome.when),
        )
        with self._transaction() as db:
            db.execute(
                "INSERT INTO proofs (job, dataset, replica, snapshot, guid, base_guid, equal, bytes, seconds, at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )

    def proved(self) -> Proved:
        """When each stream was proved last; one that differed since is none of them."""
        if not self.path.exists():
            return {}
        with self._transaction("BEGIN") as db:
            rows = db.execute(
                "SELECT replica, base_guid, guid, equal, at FROM proofs WHERE job = ? ORDER BY id", (self.job,)
            )
            last = {(replica, int(base), int(to)): (equal, at) for replica, base, to, equal, at in rows}
            return {unit: datetime.fromisoformat(at) for unit, (equal, at) in last.items() if equal}

    def raise_alarms(self, notices: Iterable[Notice]) -> None:
        """Let these stand, by their subject (a dataset) and code; those that stand already stay as they are."""
        rows = [(self.job, each.subject, each.code, each.message, _text(datetime.now(UTC))) for each in notices]
        with self._transaction() as db:
            db.executemany(
                "INSERT OR IGNORE INTO alarms (job, dataset, code, message, at) VALUES (?, ?, ?, ?, ?)", rows
            )

    def told(self, notices: Iterable[Notice]) -> None:
        """An alert of these alarms has gone out."""
        rows = [(self.job, each.subject, each.code) for each in notices]
        with self._transaction() as db:
            db.executemany("UPDATE alarms SET told = 1 WHERE job = ? AND dataset = ? AND code = ?", rows)

    def acknowledge(self, dataset: str) -> tuple[StandingAlarm, ...]:
        """End the alarms of `dataset`; which ones they were."""
        with self._transaction() as db:
            standing = self._alarms(db).get(dataset, ())
            db.execute("DELETE FROM alarms WHERE job = ? AND dataset = ?", (self.job, dataset))
            return standing

    def _replicas(self, db: sqlite3.Connection) -> dict[str, Remembered]:
        found: defaultdict[str, Remembered] = defaultdict(Remembered)
        for dataset, replica, dataset_guid, key in db.execute(
            "SELECT dataset, replica, dataset_guid, key FROM trusted WHERE job = ?", (self.job,)
        ):
            found[replica] = Remembered(dataset=dataset, replica=replica, dataset_guid=int(dataset_guid), key=key)
        on_box: defaultdict[str, list[OnBox]] = defaultdict(list)
        roots: dict[str, str | None] = {}
        for replica, name, guid, root in db.execute(
            "SELECT replica, snapshot, guid, encryptionroot FROM sent WHERE job = ? AND gone = 0 ORDER BY id",
            (self.job,),
        ):
            on_box[replica].append(OnBox(name=name, guid=int(guid)))
            roots[replica] = root or roots.get(replica)
        increments: defaultdict[str, list[int]] = defaultdict(list)
        for replica, written in db.execute(
            "SELECT replica, written FROM (SELECT replica, written, row_number() OVER (PARTITION BY replica ORDER BY id"
            " DESC) AS number FROM sent WHERE job = ? AND base_guid IS NOT NULL) WHERE number <= ? ORDER BY number",
            (self.job, HABIT),
        ):
            increments[replica].append(written)
        for replica in {*on_box, *increments}:
            found[replica] = replace(
                found[replica],
                on_box=tuple(on_box[replica]),
                increments=tuple(increments[replica]),
                encryptionroot=roots.get(replica),
            )
        return dict(found)

    def _alarms(self, db: sqlite3.Connection) -> dict[str, tuple[StandingAlarm, ...]]:
        found: defaultdict[str, tuple[StandingAlarm, ...]] = defaultdict(tuple)
        rows = db.execute("SELECT dataset, code, message, at, told FROM alarms WHERE job = ? ORDER BY at", (self.job,))
        for dataset, code, message, at, told in rows:
            alarm = StandingAlarm(code=code, message=message, raised=datetime.fromisoformat(at), told=bool(told))
            found[dataset] = (*found[dataset], alarm)
        return dict(found)

    @contextlib.contextmanager
    def _transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """The file, made where it is missing and brought to our version; committed unless something goes wrong."""
        try:
            if not self.path.exists():
                _make(self.path)
            with contextlib.closing(_open(self.path)) as db:
                version = db.execute("PRAGMA user_version").fetchone()[0]
                if version > len(MIGRATIONS):
                    raise self._newer(version)
                db.execute(begin)
                with db:
                    _migrate(db)
                    yield db
        except (sqlite3.Error, OSError, ValueError) as error:
            raise self._failed(error) from error

    def _newer(self, version: int) -> OperationError:
        return OperationError(
            "use",
            f"the ledger {self.path}",
            f"a newer zoffsite made it (version {version}; this one knows {len(MIGRATIONS)})",
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
                _migrate(db)
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


def _migrate(db: sqlite3.Connection) -> None:
    """Inside a transaction that may write: another process may have done it just before."""
    version = db.execute("PRAGMA user_version").fetchone()[0]
    for number, statements in enumerate(MIGRATIONS[version:], version + 1):
        for statement in statements:
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {number}")


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
