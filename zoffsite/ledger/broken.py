"""Proofs and drills that broke off: for the history alone, for nobody knows how they would have ended."""

from __future__ import annotations

import sqlite3

from zoffsite.ledger.file import as_text
from zoffsite.model.event import Event


def add_broken(db: sqlite3.Connection, job: str, replica: str, event: Event) -> None:
    """Write down what broke off, of what is on the box as `replica`."""
    base = None if event.base_guid is None else str(event.base_guid)
    db.execute(
        "INSERT INTO broken (job, dataset, replica, kind, snapshot, guid, base_guid, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (job, event.dataset, replica, event.kind, event.snapshot, str(event.guid), base, as_text(event.when)),
    )
