"""The alarms that stand until somebody has acknowledged them."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from zoffsite.ledger.file import LedgerFile, as_text
from zoffsite.model.memory import StandingAlarm
from zoffsite.model.notice import Notice


class AlarmsLedger(LedgerFile):
    """Alarms: raised, told, acknowledged."""

    def alarms(self) -> Mapping[str, tuple[StandingAlarm, ...]]:
        """The alarms that stand, by the names of their datasets."""
        if not self._made:
            return {}
        with self._transaction("BEGIN") as db:
            return alarms_of(db, self.job)

    def raise_alarms(self, notices: Iterable[Notice]) -> None:
        """Let these stand, by their subject (a dataset) and code; those that stand already stay as they are."""
        rows = [(self.job, each.subject, each.code, each.message, as_text(datetime.now(UTC))) for each in notices]
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
            standing = alarms_of(db, self.job).get(dataset, ())
            db.execute("DELETE FROM alarms WHERE job = ? AND dataset = ?", (self.job, dataset))
            return standing


def alarms_of(db: sqlite3.Connection, job: str) -> dict[str, tuple[StandingAlarm, ...]]:
    """The alarms of a job that stand, by the names of their datasets."""
    found: defaultdict[str, tuple[StandingAlarm, ...]] = defaultdict(tuple)
    rows = db.execute("SELECT dataset, code, message, at, told FROM alarms WHERE job = ? ORDER BY at", (job,))
    for dataset, code, message, at, told in rows:
        alarm = StandingAlarm(code=code, message=message, raised=datetime.fromisoformat(at), told=bool(told))
        found[dataset] = (*found[dataset], alarm)
    return dict(found)
