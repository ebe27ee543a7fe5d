"""What the ledger has to say for the replicas, beside what a listing says."""

from __future__ import annotations

import logging

from zoffsite.actions.memory import ledger_of
from zoffsite.model.errors import OperationError
from zoffsite.model.evidence import NO_CONFIDENCE, Confidence
from zoffsite.model.job import Job
from zoffsite.model.status import JobStatus
from zoffsite.planning.evidence import capped, confidence_of

log = logging.getLogger(__name__)


def confidence(job: Job, found: JobStatus) -> Confidence:
    """Proofs, drills, and the time to recovery. Contacts nobody; empty where the ledger cannot be read."""
    ledger = ledger_of(job)
    try:
        speed = capped(job, ledger.speed(sum(each.referenced for each in found.replicas)))
        return confidence_of(found, ledger.proofs(), ledger.drilled(), speed)
    except OperationError as error:
        log.warning("%s; when something was proved or drilled is not known", error)
        return NO_CONFIDENCE
