"""Floor 2: the ledger, what was sent to whom, in SQLite: what no listing can say, because the box could lie in it.

Facts decide what is sent, with or without a ledger. It is asked for what needs memory: whether the box still has what
it had, whether the wrapped key is the one that went there before, how large a dataset's increments usually are, which
alarms nobody has acknowledged yet.

Each call opens the file, does one transaction and closes it, so that threads and processes are in nobody's way. Reading
makes no file. Every failure is an OperationError: "ledger-unreadable", "ledger-newer" or "ledger-failed".
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from sys import intern
from typing import Any

from zoffsite.ledger.file import LedgerFile, as_text
from zoffsite.model.dataset import Dataset
from zoffsite.model.drill import Drilled, DrillOutcome, DrillResult, PastDrill, Speed
from zoffsite.model.event import Event, EventKind
from zoffsite.model.evidence import LastLook
from zoffsite.model.memory import Arrived, Increment, Memory, OnBox, Remembered, SentSnapshot, StandingAlarm
from zoffsite.model.notice import Notice
from zoffsite.model.plan import PrunePlan
from zoffsite.model.proof import Challenge, Challenges, ProofOutcome, ProofResult, Proofs, Provable, StreamDigest, Unit
from zoffsite.model.property import Property

HABIT = 30
"""How many of a replica's last increments are its habit."""
ENOUGH = 64 << 20
"""Bytes that surely tell how fast data comes: what is gone in a moment is measured by its beginning and end."""
LEAVING = 2
"""In the column `gone`: see `schema.py`."""

HISTORY = """
    SELECT job, id, at, iif(bytes IS NULL, 'found', 'sent') AS kind, dataset, snapshot, guid,
        iif(bytes IS NULL, NULL, coalesce(base_guid, '0')) AS base, bytes, seconds, 1 AS good, NULL AS side,
        NULL AS destroyed FROM sent
    UNION ALL SELECT job, id, at, 'proved', dataset, snapshot, guid, base_guid, bytes, seconds, equal, NULL, NULL
        FROM proofs
    UNION ALL SELECT job, id, at, 'drilled', dataset, snapshot, guid, NULL, bytes, seconds, passed, NULL, NULL
        FROM drills
    UNION ALL SELECT job, id, at, 'pruned', dataset, coalesce(json_extract(snapshots, '$[0]'), ''), NULL, NULL, NULL,
        NULL, 1, side, destroyed FROM prunes
"""
"""Every event of every job, in the columns that `_event` reads."""


@dataclass(slots=True)
class _Sent:
    """The rows of one replica, as they come: what must be there, the sizes of its last increments, its newest root."""

    names: list[str] = field(default_factory=list)
    guids: array[int] = field(default_factory=partial(array, "Q"))
    leaving: list[int] = field(default_factory=list)
    increments: deque[int] = field(default_factory=partial(deque, maxlen=HABIT))
    root: str | None = None


class Ledger(LedgerFile):
    """The ledger of one state directory, as one job sees it."""

    def recall(self) -> Memory:
        """All that is known of the job."""
        if not self._made:
            return Memory()
        with self._transaction("BEGIN") as db:
            return Memory(replicas=self._replicas(db), alarms=self._alarms(db))

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

    def alarms(self) -> Mapping[str, tuple[StandingAlarm, ...]]:
        """The alarms that stand, by the names of their datasets."""
        if not self._made:
            return {}
        with self._transaction("BEGIN") as db:
            return self._alarms(db)

    def trust(self, replica: str, dataset: str, dataset_guid: int, key: str, *, anew: bool) -> str:
        """Remember what a replica is made of, if nothing is remembered yet, or in any case with `anew`.

        Returns the fingerprint that is trusted now.
        """
        row = (self.job, replica, dataset, str(dataset_guid), key, as_text(datetime.now(UTC)))
        with self._transaction() as db:
            db.execute(f"INSERT OR {'REPLACE' if anew else 'IGNORE'} INTO trusted VALUES (?, ?, ?, ?, ?, ?)", row)  # noqa: S608
            found = db.execute("SELECT key FROM trusted WHERE job = ? AND replica = ?", (self.job, replica))
            return str(found.fetchone()[0])

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

    def renamed(self, old: Remembered, dataset: str, replica: str) -> None:
        """From now on all that is known of `old` is known of these names."""
        names = (self.job, old.dataset, old.replica)
        with self._transaction() as db:
            for table in ("alarms", "turns", "looks"):
                db.execute(
                    f"UPDATE OR REPLACE {table} SET dataset = ?4 WHERE job = ?1 AND dataset = ?2",  # noqa: S608
                    (*names, dataset),
                )
            for table in ("sent", "trusted", "proofs", "described", "drills", "prunes", "challenges"):
                db.execute(
                    f"UPDATE OR REPLACE {table} SET dataset = ?4, replica = ?5 WHERE job = ?1 AND replica = ?3",  # noqa: S608
                    (*names, dataset, replica),
                )

    def describe(self, found: Iterable[tuple[str, str, tuple[Property, ...], datetime]]) -> None:
        """Write down the properties that are not the default, with their dataset, the replica, and since when (UTC)."""
        rows = [
            (self.job, replica, dataset, json.dumps([(p.name, p.value, p.origin) for p in properties]), as_text(at))
            for dataset, replica, properties, at in found
        ]
        with self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO described VALUES (?, ?, ?, ?, ?)", rows)

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

    def history(self, dataset: str | None, most: int) -> tuple[Event, ...]:
        """What happened to `dataset` and all below it (None: to all), newest first, `most` events at most."""
        if not self._made:
            return ()
        with self._transaction("BEGIN") as db:
            rows = db.execute(
                f"SELECT * FROM ({HISTORY}) WHERE job = ?1 AND (?2 IS NULL OR dataset = ?2"  # noqa: S608
                " OR substr(dataset, 1, length(?2) + 1) = ?2 || '/') ORDER BY at DESC, id DESC LIMIT ?3",
                (self.job, dataset, most),
            )
            return tuple(map(_event, rows))

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
            as_text(outcome.when),
        )
        with self._transaction() as db:
            db.execute(
                "INSERT INTO proofs (job, dataset, replica, snapshot, guid, base_guid, equal, bytes, seconds, at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )

    def proofs(self) -> Proofs:
        """What was proved, and what differed. A proof says nothing of what was sent again after it."""
        if not self._made:
            return Proofs()
        with self._transaction("BEGIN") as db:
            rows = db.execute(
                "SELECT p.replica, p.base_guid, p.guid, p.equal, p.at FROM proofs p LEFT JOIN sent s"
                " ON s.job = p.job AND s.replica = p.replica AND s.guid = p.guid"
                " WHERE p.job = ? AND (s.at IS NULL OR s.at <= p.at) ORDER BY p.id",
                (self.job,),
            )
            last, differed = dict[Unit, datetime](), dict[str, datetime]()
            for replica, base, to, equal, at in rows:
                unit, when = (replica, int(base), int(to)), datetime.fromisoformat(at)
                if equal:
                    last[unit] = when
                else:
                    last.pop(unit, None)
                    differed[replica] = when
            (began,) = db.execute("SELECT min(at) FROM proofs WHERE job = ?", (self.job,)).fetchone()
            return Proofs(last=last, differed=differed, began=began and datetime.fromisoformat(began))

    def keep_challenge(self, each: Provable, nonce: bytes, answer: StreamDigest) -> None:
        """Write down what the source said of a stream."""
        replica, base, to = each.unit
        row = (self.job, each.dataset, replica, str(to), str(base), nonce.hex(), answer.digest, answer.bytes)
        with self._transaction() as db:
            db.execute(
                "INSERT INTO challenges (job, dataset, replica, guid, base_guid, nonce, digest, bytes, at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, as_text(datetime.now(UTC))),
            )

    def challenges(self) -> Challenges:
        """The next one of each stream that has any left."""
        if not self._made:
            return {}
        with self._transaction("BEGIN") as db:
            rows = db.execute(
                "SELECT min(id), replica, base_guid, guid, nonce, digest, bytes, count(*) FROM challenges WHERE job = ?"
                " GROUP BY replica, base_guid, guid",
                (self.job,),
            )
            return {(row[1], int(row[2]), int(row[3])): _challenge(*row) for row in rows}

    def spend_challenge(self, challenge: Challenge) -> None:
        """It is about to be asked, and worth nothing from then on."""
        with self._transaction() as db:
            db.execute("DELETE FROM challenges WHERE job = ? AND id = ?", (self.job, challenge.number))

    def add_drill(self, outcome: DrillOutcome) -> None:
        """Write down how a drill ended; of one of which nobody knows, only that the dataset has had its turn."""
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

    def looked(self, found: Mapping[str, LastLook]) -> None:
        """Write down what a look at all replicas of the job has found, by the datasets' names."""
        rows = [
            (self.job, dataset, _text_or_none(each.verified), _text_or_none(each.proved), each.bytes)
            for dataset, each in found.items()
        ]
        with self._transaction() as db:
            db.execute("DELETE FROM looks WHERE job = ?", (self.job,))
            db.executemany("INSERT INTO looks VALUES (?, ?, ?, ?, ?)", rows)

    def verified(self, datasets: Iterable[str], when: datetime) -> None:
        """A run has found nothing wrong with the replicas of these."""
        with self._transaction() as db:
            db.executemany(
                "INSERT INTO looks (job, dataset, verified) VALUES (?, ?, ?)"
                " ON CONFLICT (job, dataset) DO UPDATE SET verified = excluded.verified",
                [(self.job, dataset, as_text(when)) for dataset in datasets],
            )

    def last_looks(self) -> Mapping[str, LastLook]:
        """What is known of each dataset without asking the box."""
        if not self._made:
            return {}
        with self._transaction("BEGIN") as db:
            rows = db.execute("SELECT dataset, verified, proved, bytes FROM looks WHERE job = ?", (self.job,))
            return {
                dataset: LastLook(
                    verified=verified and datetime.fromisoformat(verified),
                    proved=proved and datetime.fromisoformat(proved),
                    bytes=size,
                )
                for dataset, verified, proved, size in sorted(rows)
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
                    "SELECT sum(bytes), sum(seconds) FROM (SELECT bytes, seconds FROM"  # noqa: S608
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
            standing = self._alarms(db).get(dataset, ())
            db.execute("DELETE FROM alarms WHERE job = ? AND dataset = ?", (self.job, dataset))
            return standing

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

    def _alarms(self, db: sqlite3.Connection) -> dict[str, tuple[StandingAlarm, ...]]:
        found: defaultdict[str, tuple[StandingAlarm, ...]] = defaultdict(tuple)
        rows = db.execute("SELECT dataset, code, message, at, told FROM alarms WHERE job = ? ORDER BY at", (self.job,))
        for dataset, code, message, at, told in rows:
            alarm = StandingAlarm(code=code, message=message, raised=datetime.fromisoformat(at), told=bool(told))
            found[dataset] = (*found[dataset], alarm)
        return dict(found)


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
        good=bool(good),
        side=side,
        count=destroyed,
    )


def _challenge(number: int, _: str, base: str, to: str, nonce: str, digest: str, size: int, left: int) -> Challenge:
    answer = StreamDigest(digest=digest, toguid=int(to), fromguid=int(base), bytes=size)
    return Challenge(number=number, nonce=bytes.fromhex(nonce), answer=answer, left=left)


def _properties(text: str) -> tuple[Property, ...]:
    return tuple(Property(name=name, value=value, origin=origin) for name, value, origin in json.loads(text))


def _text_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else as_text(moment)
