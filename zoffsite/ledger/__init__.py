"""Floor 2: the ledger, what was sent to whom, in SQLite: what no listing can say, because the box could lie in it.

Facts decide what is sent, with or without a ledger. It is asked for what needs memory: whether the box still has what
it had, whether the wrapped key is the one that went there before, how large a dataset's increments usually are, which
alarms nobody has acknowledged yet.

Each call opens the file, does one transaction and closes it, so that threads and processes are in nobody's way. Reading
makes no file. Every failure is an OperationError: "ledger-unreadable", "ledger-newer" or "ledger-failed".
"""

from __future__ import annotations

from zoffsite.ledger.alarms import AlarmsLedger
from zoffsite.ledger.drills import DrillsLedger
from zoffsite.ledger.looks import LooksLedger
from zoffsite.ledger.proofs import ProofsLedger
from zoffsite.ledger.prunes import PrunesLedger
from zoffsite.ledger.recalling import HABIT, RecallingLedger
from zoffsite.ledger.replicas import ReplicasLedger
from zoffsite.ledger.sends import SendsLedger
from zoffsite.ledger.telling import TellingLedger

__all__ = ["HABIT", "Ledger"]


class Ledger(
    RecallingLedger,
    SendsLedger,
    PrunesLedger,
    ReplicasLedger,
    ProofsLedger,
    DrillsLedger,
    LooksLedger,
    AlarmsLedger,
    TellingLedger,
):
    """The ledger of one state directory, as one job sees it."""
