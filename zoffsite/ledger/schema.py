"""The tables of the ledger, and how a file of an older version gets the ones that it has not."""

from __future__ import annotations

import sqlite3

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # A guid has 64 bits without a sign, an INTEGER here 63 and one: it is text. `gone`: 1 pruned by us,
        # or lost; 2 we have asked the box to prune it, and do not know yet whether it did.
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
    (
        # For a restore: what a raw stream does not carry. `properties` is JSON, a list of [name, value, origin].
        """CREATE TABLE described (
            job TEXT NOT NULL, replica TEXT NOT NULL, dataset TEXT NOT NULL, properties TEXT NOT NULL,
            at TEXT NOT NULL, PRIMARY KEY (job, replica)
        ) STRICT""",
    ),
    (
        # `seconds` is the time to recovery: until the data could be read; NULL where it never could.
        """CREATE TABLE drills (
            id INTEGER PRIMARY KEY, job TEXT NOT NULL, dataset TEXT NOT NULL, replica TEXT NOT NULL,
            snapshot TEXT NOT NULL, guid TEXT NOT NULL, passed INTEGER NOT NULL,
            bytes INTEGER NOT NULL, seconds REAL, at TEXT NOT NULL
        ) STRICT""",
        # What a run wrote into the canary before it took the snapshot with this guid.
        """CREATE TABLE canaries (
            job TEXT NOT NULL, guid TEXT NOT NULL, sha256 TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (job, guid)
        ) STRICT""",
    ),
    (
        # On the source: it orders snapshots, whatever a clock said.
        "ALTER TABLE sent ADD COLUMN createtxg INTEGER",
        # `snapshots` is JSON, the names that were to go, oldest first; `destroyed` how many went.
        """CREATE TABLE prunes (
            id INTEGER PRIMARY KEY, job TEXT NOT NULL, dataset TEXT NOT NULL, replica TEXT NOT NULL,
            side TEXT NOT NULL, snapshots TEXT NOT NULL, destroyed INTEGER NOT NULL, at TEXT NOT NULL
        ) STRICT""",
    ),
    (
        # What the source's digest of a stream is, keyed by a nonce (both in hex) that nobody was told yet.
        """CREATE TABLE challenges (
            id INTEGER PRIMARY KEY, job TEXT NOT NULL, dataset TEXT NOT NULL, replica TEXT NOT NULL,
            guid TEXT NOT NULL, base_guid TEXT NOT NULL, nonce TEXT NOT NULL, digest TEXT NOT NULL,
            bytes INTEGER NOT NULL, at TEXT NOT NULL
        ) STRICT""",
    ),
    (
        # When each dataset was drilled last, also where nobody knows how it would have ended.
        """CREATE TABLE turns (
            job TEXT NOT NULL, dataset TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (job, dataset)
        ) STRICT""",
    ),
    (
        # For when the box is away: what the last look at it found. `verified` and `proved` are times, NULL for never.
        """CREATE TABLE looks (
            job TEXT NOT NULL, dataset TEXT NOT NULL, verified TEXT, proved TEXT, bytes INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (job, dataset)
        ) STRICT""",
    ),
    # How many streams of the replica nobody can prove any more; NULL where nobody has counted them.
    ("ALTER TABLE looks ADD COLUMN beyond INTEGER",),
    (
        # Proofs and drills of which nobody knows how they would have ended, apart from those that count. `kind` is
        # "proved" or "drilled"; `base_guid` is NULL for a drill.
        """CREATE TABLE broken (
            id INTEGER PRIMARY KEY, job TEXT NOT NULL, dataset TEXT NOT NULL, replica TEXT NOT NULL,
            kind TEXT NOT NULL, snapshot TEXT NOT NULL, guid TEXT NOT NULL, base_guid TEXT, at TEXT NOT NULL
        ) STRICT""",
    ),
)
"""One tuple of statements a version; `user_version` counts those that a file has seen. Never change an old one."""
LEAVING = 2
"""In the column `gone`: we have asked for it, and do not know yet."""


def migrate(db: sqlite3.Connection) -> None:
    """Inside a transaction that may write: another process may have done it just before."""
    version = db.execute("PRAGMA user_version").fetchone()[0]
    for number, statements in enumerate(MIGRATIONS[version:], version + 1):
        for statement in statements:
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {number}")
