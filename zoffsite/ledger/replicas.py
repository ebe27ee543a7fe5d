"""What a replica is made of: its dataset's name, key and properties."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from zoffsite.ledger.file import LedgerFile, as_text
from zoffsite.model.memory import Remembered
from zoffsite.model.property import Property


class ReplicasLedger(LedgerFile):
    """Whose copy a replica is, and what it must stay."""

    def trust(self, replica: str, dataset: str, dataset_guid: int, key: str, *, anew: bool) -> str:
        """Remember what a replica is made of, if nothing is remembered yet, or in any case with `anew`.

        Returns the fingerprint that is trusted now.
        """
        row = (self.job, replica, dataset, str(dataset_guid), key, as_text(datetime.now(UTC)))
        known = "REPLACE" if anew else "IGNORE"
        with self._transaction() as db:
            db.execute(f"INSERT OR {known} INTO trusted VALUES (?, ?, ?, ?, ?, ?)", row)  # noqa: S608 - one of two words
            found = db.execute("SELECT key FROM trusted WHERE job = ? AND replica = ?", (self.job, replica))
            return str(found.fetchone()[0])

    def describe(self, found: Iterable[tuple[str, str, tuple[Property, ...], datetime]]) -> None:
        """Write down the properties that are not the default, with their dataset, the replica, and since when (UTC)."""
        rows = [
            (self.job, replica, dataset, json.dumps([(p.name, p.value, p.origin) for p in properties]), as_text(at))
            for dataset, replica, properties, at in found
        ]
        with self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO described VALUES (?, ?, ?, ?, ?)", rows)

    def renamed(self, old: Remembered, dataset: str, replica: str) -> None:
        """From now on all that is known of `old` is known of these names."""
        names = (self.job, old.dataset, old.replica)
        with self._transaction() as db:
            for table in ("alarms", "turns", "looks"):
                db.execute(
                    f"UPDATE OR REPLACE {table} SET dataset = ?4 WHERE job = ?1 AND dataset = ?2",  # noqa: S608 - from above
                    (*names, dataset),
                )
            for table in ("sent", "trusted", "proofs", "described", "drills", "prunes", "challenges", "broken"):
                db.execute(
                    f"UPDATE OR REPLACE {table}"  # noqa: S608 - from above
                    " SET dataset = ?4, replica = ?5 WHERE job = ?1 AND replica = ?3",
                    (*names, dataset, replica),
                )
