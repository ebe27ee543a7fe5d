"""What the last look at the box has found, for when it is away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from zoffsite.ledger.file import LedgerFile, as_text
from zoffsite.model.evidence import LastLook


class LooksLedger(LedgerFile):
    """The last look at each dataset."""

    def looked(self, found: Mapping[str, LastLook]) -> None:
        """Write down what a look at all replicas of the job has found, by the datasets' names."""
        rows = [
            (self.job, dataset, _text_or_none(each.verified), _text_or_none(each.proved), each.beyond, each.bytes)
            for dataset, each in found.items()
        ]
        with self._transaction() as db:
            db.execute("DELETE FROM looks WHERE job = ?", (self.job,))
            db.executemany(
                "INSERT INTO looks (job, dataset, verified, proved, beyond, bytes) VALUES (?, ?, ?, ?, ?, ?)", rows
            )

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
            rows = db.execute(
                "SELECT dataset, verified, proved, beyond, bytes FROM looks WHERE job = ? ORDER BY dataset", (self.job,)
            )
            return {
                dataset: LastLook(
                    verified=verified and datetime.fromisoformat(verified),
                    proved=proved and datetime.fromisoformat(proved),
                    beyond=beyond,
                    bytes=size,
                )
                for dataset, verified, proved, beyond, size in rows
            }


def _text_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else as_text(moment)
