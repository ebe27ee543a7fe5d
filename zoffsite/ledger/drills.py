"""How drills ended, how fast data comes back, and what a canary must hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from zoffsite.ledger.broken import add_broken
from zoffsite.ledger.file import LedgerFile, as_text
from zoffsite.ledger.recalling import HABIT
from zoffsite.model.drill import Drilled, DrillOutcome, DrillResult, PastDrill, Speed
from zoffsite.model.event import Event, EventKind

ENOUGH = 64 << 20
"""Bytes that surely tell how fast data comes: what is gone in a moment is measured by its beginning and end."""


class DrillsLedger(LedgerFile):
    """Drills, whose turn it was, and canaries."""

    def add_drill(self, outcome: DrillOutcome) -> None:
        """Write down how a drill ended; of one of which nobody knows, only that it broke off, and that the dataset has
        had its turn.
        """
        each = outcome.drillable
        turn = (self.job, each.dataset, as_text(outcome.when))
        row = (
            self.job,
            each.dataset,
            each.replica,
            each.ours.name,
            str(each.ours.guid),
            outcome.state is DrillResult.PASSED,
            outcome.bytes,
            outcome.recovery,
            as_text(outcome.when),
        )
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO turns VALUES (?, ?, ?)", turn)
            if outcome.state is DrillResult.FAILED:
                add_broken(db, self.job, each.replica, _broken(outcome))
                return
            db.execute(
                "INSERT INTO drills (job, dataset, replica, snapshot, guid, passed, bytes, seconds, at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )

    def turns(self) -> Mapping[str, datetime]:
        """When each dataset was drilled last, however that ended."""
        if not self._made:
            return {}
        with self._transaction("BEGIN") as db:
            rows = db.execute("SELECT dataset, at FROM turns WHERE job = ?", (self.job,))
            return {dataset: datetime.fromisoformat(at) for dataset, at in rows}

    def drilled(self) -> Drilled:
        """The last drill of each dataset."""
        if not self._made:
            return {}
        with self._transaction("BEGIN") as db:
            rows = db.execute(
                "SELECT dataset, passed, bytes, seconds, at FROM drills WHERE job = ? ORDER BY id", (self.job,)
            )
            return {
                dataset: PastDrill(
                    when=datetime.fromisoformat(at), passed=bool(passed), bytes=count, seconds=seconds or 0.0
                )
                for dataset, passed, count, seconds, at in rows
            }

    def speed(self, total: int) -> Speed | None:
        """How fast the last good drills brought data back; without any, how fast the last sends took it there.

        What is small beside `total` (bytes) says nothing: there the time goes into connecting and mounting. None where
        nothing was large enough.
        """
        if not self._made:
            return None
        least = max(1, min(ENOUGH, total // 20))
        with self._transaction("BEGIN") as db:
            for by, rows in (("drills", "drills WHERE passed = 1 AND"), ("sends", "sent WHERE")):
                count, seconds = db.execute(
                    "SELECT sum(bytes), sum(seconds) FROM (SELECT bytes, seconds FROM"  # noqa: S608 - one of two texts above
                    f" {rows} job = ? AND bytes >= ? AND seconds > 0 ORDER BY id DESC LIMIT ?)",
                    (self.job, least, HABIT),
                ).fetchone()
                if count:
                    return Speed(rate=count / seconds, by=by)
            return None

    def wrote_canary(self, guid: int, sha256: str) -> None:
        """The snapshot with this guid holds the canary's file with this digest."""
        row = (self.job, str(guid), sha256, as_text(datetime.now(UTC)))
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO canaries VALUES (?, ?, ?, ?)", row)

    def canary(self, guid: int) -> str | None:
        """The digest of what was written before that snapshot; None where nothing was."""
        if not self._made:
            return None
        with self._transaction("BEGIN") as db:
            found = db.execute("SELECT sha256 FROM canaries WHERE job = ? AND guid = ?", (self.job, str(guid)))
            row = found.fetchone()
            return None if row is None else str(row[0])


def _broken(outcome: DrillOutcome) -> Event:
    each = outcome.drillable
    return Event(
        when=outcome.when,
        kind=EventKind.DRILLED,
        dataset=each.dataset,
        snapshot=each.ours.name,
        guid=each.ours.guid,
        good=None,
    )
