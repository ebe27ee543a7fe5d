"""The history: what happened, newest first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from zoffsite.ledger.file import LedgerFile
from zoffsite.model.event import Event, EventKind

HISTORY = """
    SELECT job, id, at, iif(bytes IS NULL, 'found', 'sent') AS kind, dataset, snapshot, guid,
        iif(bytes IS NULL, NULL, coalesce(base_guid, '0')) AS base, bytes, seconds, 1 AS good, NULL AS side,
        NULL AS destroyed FROM sent
    UNION ALL SELECT job, id, at, 'proved', dataset, snapshot, guid, base_guid, bytes, seconds, equal, NULL, NULL
        FROM proofs
    UNION ALL SELECT job, id, at, 'drilled', dataset, snapshot, guid, NULL, bytes, seconds, passed, NULL, NULL
        FROM drills
    UNION ALL SELECT job, id, at, kind, dataset, snapshot, guid, base_guid, NULL, NULL, NULL, NULL, NULL FROM broken
    UNION ALL SELECT job, id, at, 'pruned', dataset, coalesce(json_extract(snapshots, '$[0]'), ''), NULL, NULL, NULL,
        NULL, 1, side, destroyed FROM prunes
"""
"""Every event of every job, in the columns that `_event` reads."""


class TellingLedger(LedgerFile):
    """What was sent, proved, drilled and pruned, told as events."""

    def history(self, dataset: str | None, most: int) -> tuple[Event, ...]:
        """What happened to `dataset` and all below it (None: to all), newest first, `most` events at most."""
        if not self._made:
            return ()
        with self._transaction("BEGIN") as db:
            rows = db.execute(
                f"SELECT * FROM ({HISTORY}) WHERE job = ?1 AND (?2 IS NULL OR dataset = ?2"  # noqa: S608 - a constant
                " OR substr(dataset, 1, length(?2) + 1) = ?2 || '/') ORDER BY at DESC, id DESC LIMIT ?3",
                (self.job, dataset, most),
            )
            return tuple(map(_event, rows))


def _event(row: tuple[Any, ...]) -> Event:
    at, kind, dataset, snapshot, guid, base, count, seconds, good, side, destroyed = row[2:]
    return Event(
        when=datetime.fromisoformat(at),
        kind=EventKind(kind),
        dataset=dataset,
        snapshot=snapshot,
        guid=None if guid is None else int(guid),
        base_guid=None if base is None else int(base),
        bytes=count,
        seconds=seconds,
        good=None if good is None else bool(good),
        side=side,
        count=destroyed,
    )
