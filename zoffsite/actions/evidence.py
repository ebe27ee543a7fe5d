"""What the ledger has to say for the replicas, beside what a listing says."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta

from zoffsite.actions.memory import ledger_of
from zoffsite.model.checkup import Word
from zoffsite.model.drill import Speed
from zoffsite.model.errors import OperationError
from zoffsite.model.evidence import NO_CONFIDENCE, Confidence, LastLook
from zoffsite.model.job import Job
from zoffsite.model.status import JobStatus
from zoffsite.planning.evidence import capped, confidence_of, looks_of, remembered

log = logging.getLogger(__name__)

SOON = timedelta(minutes=1)


def confidence(job: Job, found: JobStatus) -> Confidence:
    """Proofs, drills, and the time to recovery; where nothing could be verified, as it was when that last could.

    Contacts nobody; empty where the ledger cannot be read.
    """
    ledger = ledger_of(job)
    try:
        known, drilled = ledger.last_looks(), ledger.drilled()
        if all(each.word is Word.BOX for each in found.replicas):
            return remembered(known, drilled, _speed(job, sum(each.bytes for each in known.values())))
        speed = _speed(job, sum(each.referenced for each in found.replicas))
        sure = confidence_of(found, ledger.proofs(), ledger.challenges(), drilled, speed, known)
    except OperationError as error:
        log.warning("%s; when something was proved or drilled is not known", error)
        return NO_CONFIDENCE
    if ledger.path.exists() and not _just_noted(known, found):
        _note(job, looks_of(found, sure))
    return sure


def _speed(job: Job, total: int) -> Speed | None:
    return capped(job, ledger_of(job).speed(total))


def _just_noted(known: Mapping[str, LastLook], found: JobStatus) -> bool:
    """`zoffsite status --watch` looks every few seconds."""
    last = max((each.verified for each in known.values() if each.verified), default=None)
    return last is not None and found.when - last < SOON and known.keys() == {each.source for each in found.replicas}


def _note(job: Job, looks: Mapping[str, LastLook]) -> None:
    """Whoever may only read the ledger looks all the same."""
    try:
        ledger_of(job).looked(looks)
    except OperationError as error:
        log.debug("%s", error)
