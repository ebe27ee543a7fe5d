"""Challenges: answers that the source keeps, for streams that it will not be able to make for ever."""

from __future__ import annotations

import logging
import secrets

from zoffsite.actions.memory import ledger_of
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.proving import ask_box, ask_source
from zoffsite.hosts.transfers import transfers
from zoffsite.model.errors import RunInterruptedError, ZoffsiteError
from zoffsite.model.job import Job
from zoffsite.model.proof import Challenge, Provable, StreamDigest
from zoffsite.stream.digest import NONCE

log = logging.getLogger(__name__)


def make_challenges(job: Job, each: Provable, hosts: Connections, rate: int | None) -> None:
    """Have the source alone answer as many nonces as are missing, and keep that. What goes wrong stops no proof: it is
    in the log, and the next run makes the rest. Raises RunInterruptedError.
    """
    source = hosts.source_of(job)
    try:
        for _ in range(each.missing):
            transfers.check("prove", each.dataset)
            nonce = secrets.token_bytes(NONCE)
            answer = ask_source(source, each.ours, nonce, rate)
            ledger_of(job).keep_challenge(each, nonce, answer)
    except RunInterruptedError:
        raise
    except ZoffsiteError as error:
        log.warning("%s: a challenge could not be made: %s", each.dataset, error)


def answered(
    job: Job, each: Provable, challenge: Challenge, hosts: Connections, rate: int | None
) -> tuple[StreamDigest, StreamDigest] | None:
    """What the source said then, and what the box says now. A challenge is used once: it is gone before it is asked,
    and None where it was gone already, because another run has planned the same.

    Raises what the ledger and `ask_box` raise.
    """
    if not ledger_of(job).spend_challenge(challenge):
        return None
    return challenge.answer, ask_box(hosts.box_of(job), each.theirs, challenge.nonce, rate)
