"""What was sent to the box or found there, and how large it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from zoffsite.ledger.file import LedgerFile, as_text
from zoffsite.model.dataset import Dataset
from zoffsite.model.memory import Increment, OnBox, SentSnapshot


class SendsLedger(LedgerFile):
    """Snapshots that the box has, or had."""

    def add(self, sent: SentSnapshot) -> None:
        """Write down a snapshot that was sent; one that was sent before counts as new."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO sent (job, dataset, dataset_guid, replica, snapshot, guid, base_guid, written,"
                " bytes, seconds, at, key, encryptionroot, createtxg)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
                    as_text(sent.when),
                    sent.key,
                    sent.encryptionroot,
                    sent.createtxg,
                ),
            )

    def seen(self, snapshots: Iterable[tuple[Dataset, str, OnBox]]) -> None:
        """Write down what the box has although nobody remembers that it was sent, or it was thought to be gone.

        Each with its dataset on the source, as it is now, and the replica.
        """
        now = as_text(datetime.now(UTC))
        rows = [
            (self.job, dataset.name, str(dataset.guid), replica, each.name, str(each.guid), now, dataset.encryptionroot)
            for dataset, replica, each in snapshots
        ]
        with self._transaction() as db:
            db.executemany(
                "INSERT INTO sent (job, dataset, dataset_guid, replica, snapshot, guid, at, encryptionroot)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (job, replica, guid) DO UPDATE SET gone = 0",
                rows,
            )

    def guids(self) -> frozenset[int]:
        """Every snapshot that any job ever sent, as far as it is written down, gone from the box or not."""
        if not self._made:
            return frozenset()
        with self._transaction("BEGIN") as db:
            return frozenset(int(guid) for (guid,) in db.execute("SELECT guid FROM sent"))

    def sizes(self, guids: Iterable[int]) -> Mapping[int, int]:
        """About the most that each of these snapshots can be, as it was sent: with all that it was built of, in bytes.

        Only where all of that is written down, from a full send on.
        """
        if not self._made:
            return {}
        with self._transaction("BEGIN") as db:
            found = {
                guid: db.execute(
                    "SELECT max((SELECT iif(count(*) = count(s.written) AND count(*) > count(s.base_guid),"
                    " sum(max(s.written, coalesce(s.bytes, 0))), NULL) FROM sent s"
                    " WHERE s.job = t.job AND s.replica = t.replica AND s.id <= t.id))"
                    " FROM sent t WHERE t.job = ? AND t.guid = ?",
                    (self.job, str(guid)),
                ).fetchone()[0]
                for guid in guids
            }
            return {guid: int(size) for guid, size in found.items() if size is not None}

    def increments(self, since: datetime) -> tuple[Increment, ...]:
        """What was sent in increments after `since`, oldest first, as far as their sizes are known."""
        if not self._made:
            return ()
        with self._transaction("BEGIN") as db:
            rows = db.execute(
                "SELECT dataset, written, at FROM sent WHERE job = ? AND base_guid IS NOT NULL AND written IS NOT NULL"
                " AND at >= ? ORDER BY id",
                (self.job, as_text(since)),
            )
            return tuple(
                Increment(dataset=dataset, written=written, when=datetime.fromisoformat(at))
                for dataset, written, at in rows
            )
