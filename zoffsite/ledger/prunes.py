"""What was pruned, and what the box need not have any more."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from zoffsite.ledger.file import LedgerFile, as_text
from zoffsite.ledger.schema import LEAVING
from zoffsite.model.plan import PrunePlan


class PrunesLedger(LedgerFile):
    """What is about to go, what stays after all, and what has gone."""

    def leaving(self, snapshots: Iterable[tuple[str, int]]) -> None:
        """The box is about to be asked to prune these (replica, guid)."""
        self._set_gone(LEAVING, snapshots)

    def stay(self, snapshots: Iterable[tuple[str, int]]) -> None:
        """The box must have these (replica, guid), as before: it was asked to prune them, and keeps them."""
        self._set_gone(0, snapshots)

    def _set_gone(self, state: int, snapshots: Iterable[tuple[str, int]]) -> None:
        rows = [(state, self.job, replica, str(guid)) for replica, guid in snapshots]
        with self._transaction() as db:
            db.executemany("UPDATE sent SET gone = ? WHERE job = ? AND replica = ? AND guid = ?", rows)

    def gone(self, snapshots: Iterable[tuple[str, int]]) -> None:
        """From now on the box need not have these (replica, guid) any more."""
        with self._transaction() as db:
            rows = [(self.job, replica, str(guid)) for replica, guid in snapshots]
            db.executemany("UPDATE sent SET gone = 1 WHERE job = ? AND replica = ? AND guid = ?", rows)
            db.executemany(
                "DELETE FROM challenges WHERE job = ?1 AND replica = ?2 AND (guid = ?3 OR base_guid = ?3)", rows
            )

    def pruned(self, dataset: str, replica: str, plan: PrunePlan, destroyed: int) -> None:
        """Write down what was to be pruned on one side, and how many snapshots went."""
        names = json.dumps([each.name for each in plan.destroy])
        row = (self.job, dataset, replica, plan.side.value, names, destroyed, as_text(datetime.now(UTC)))
        with self._transaction() as db:
            db.execute(
                "INSERT INTO prunes (job, dataset, replica, side, snapshots, destroyed, at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
