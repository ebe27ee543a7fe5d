"""What was proved, and the challenges that are left for what the source has no more."""

from __future__ import annotations

from datetime import UTC, datetime

from zoffsite.ledger.broken import add_broken
from zoffsite.ledger.file import LedgerFile, as_text
from zoffsite.model.event import Event, EventKind
from zoffsite.model.proof import Challenge, Challenges, ProofOutcome, ProofResult, Proofs, Provable, StreamDigest, Unit


class ProofsLedger(LedgerFile):
    """Proofs, and the challenges that are left."""

    def add_proof(self, outcome: ProofOutcome) -> None:
        """Write down what both ends said of a stream; of one of which nobody knows, only that it broke off."""
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
            if outcome.state is ProofResult.FAILED:
                add_broken(db, self.job, replica, _broken(outcome))
                return
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

    def spend_challenge(self, challenge: Challenge) -> bool:
        """It is about to be asked, and worth nothing from then on. False: another run was faster, and asks it.

        A number that is free again goes to the next challenge: so the nonce must be that one, too.
        """
        row = (self.job, challenge.number, challenge.nonce.hex())
        with self._transaction() as db:
            return db.execute("DELETE FROM challenges WHERE job = ? AND id = ? AND nonce = ?", row).rowcount == 1


def _broken(outcome: ProofOutcome) -> Event:
    _, base, to = outcome.provable.unit
    return Event(
        when=outcome.when,
        kind=EventKind.PROVED,
        dataset=outcome.provable.dataset,
        snapshot=outcome.provable.ours.to.name,
        guid=to,
        base_guid=base,
        good=None,
    )


def _challenge(number: int, _: str, base: str, to: str, nonce: str, digest: str, size: int, left: int) -> Challenge:
    answer = StreamDigest(digest=digest, toguid=int(to), fromguid=int(base), bytes=size)
    return Challenge(number=number, nonce=bytes.fromhex(nonce), answer=answer, left=left)
