"""All that is known of a job, out of the rows."""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from sys import intern

from zoffsite.ledger.alarms import alarms_of
from zoffsite.ledger.file import LedgerFile
from zoffsite.ledger.schema import LEAVING
from zoffsite.model.memory import Arrived, Memory, Remembered
from zoffsite.model.property import Property

HABIT = 30
"""How many of a replica's last increments are its habit."""


@dataclass(slots=True)
class _Sent:
    """The rows of one replica, as they come: what must be there, the sizes of its last increments, its newest root."""

    names: list[str] = field(default_factory=list)
    guids: array[int] = field(default_factory=partial(array, "Q"))
    leaving: list[int] = field(default_factory=list)
    increments: deque[int] = field(default_factory=partial(deque, maxlen=HABIT))
    root: str | None = None


class RecallingLedger(LedgerFile):
    """The memory of one job."""

    def recall(self) -> Memory:
        """All that is known of the job."""
        if not self._made:
            return Memory()
        with self._transaction("BEGIN") as db:
            return Memory(replicas=self._replicas(db), alarms=alarms_of(db, self.job))

    def _replicas(self, db: sqlite3.Connection) -> dict[str, Remembered]:
        found: defaultdict[str, Remembered] = defaultdict(Remembered)
        for dataset, replica, dataset_guid, key in db.execute(
            "SELECT dataset, replica, dataset_guid, key FROM trusted WHERE job = ?", (self.job,)
        ):
            found[replica] = Remembered(dataset=dataset, replica=replica, dataset_guid=int(dataset_guid), key=key)
        sent: defaultdict[str, _Sent] = defaultdict(_Sent)
        for replica, name, guid, root, increment, gone in db.execute(
            "SELECT replica, snapshot, guid, encryptionroot, iif(base_guid IS NULL, NULL, written), gone"
            " FROM sent NOT INDEXED WHERE job = ? ORDER BY id",  # in this order as it lies there: nothing is sorted
            (self.job,),
        ):
            rows = sent[replica]
            if increment is not None:
                rows.increments.append(increment)
            if not gone:
                rows.names.append(intern(name))
                rows.guids.append(int(guid))
                rows.root = root or rows.root
            elif gone == LEAVING:
                rows.leaving.append(int(guid))
        for replica, dataset, properties, at in db.execute(
            "SELECT replica, dataset, properties, at FROM described WHERE job = ?", (self.job,)
        ):
            found[replica] = replace(
                found[replica],
                dataset=dataset,
                replica=replica,
                properties=_properties(properties),
                described=datetime.fromisoformat(at),
            )
        while sent:
            replica, rows = sent.popitem()
            found[replica] = replace(
                found[replica],
                on_box=Arrived(rows.names, rows.guids),
                leaving=frozenset(rows.leaving),
                increments=tuple(reversed(rows.increments)),
                encryptionroot=rows.root,
            )
        return dict(found)


def _properties(text: str) -> tuple[Property, ...]:
    return tuple(Property(name=name, value=value, origin=origin) for name, value, origin in json.loads(text))
