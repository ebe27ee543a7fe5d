"""Prove without a key that the box holds, now, what was sent: both ends digest the same stream, keyed by a nonce."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import SystemRandom

from zoffsite.actions.look import look_at_source
from zoffsite.actions.memory import ledger_of
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.transfers import transfers
from zoffsite.model.errors import OperationError, ZoffsiteError
from zoffsite.model.job import Job
from zoffsite.model.notice import Notice
from zoffsite.model.proof import ProofOutcome, ProofPlan, ProofReport, ProofResult, Provable, Proved
from zoffsite.model.report import ErrorReport
from zoffsite.planning.proving import choose, difference, provable, words_of
from zoffsite.stream.digest import NONCE
from zoffsite.views.words import duration_words, size_words
from zoffsite.zfs.names import replica_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What one run proves: of the datasets in `only` (none: all), what was not proved `within`; `at_most` bytes."""

    only: Collection[str] = ()
    within: timedelta
    at_most: int | None = None


def plan_proofs(job: Job, scope: Scope, hosts: Connections, now: datetime) -> ProofPlan:
    """What would be proved now. Reads both listings, and no data."""
    chosen = look_at_source(job, hosts, now, scope.only).chosen
    there = hosts.box_of(job).inventory(job.root).datasets
    proved, since = _proved(job), now - scope.within
    found: list[Provable] = []
    unprovable: list[str] = []
    for source in chosen:
        replica = there.get(replica_of(job, source.dataset.name))
        streams = provable(source, replica, proved, since) if replica and source.dataset.encrypted else ()
        found += streams
        if not streams:
            unprovable.append(source.dataset.name)
    return choose(job.name, found, since, scope.at_most, unprovable, SystemRandom())


def prove(job: Job, scope: Scope, hosts: Connections, now: datetime) -> ProofReport:
    """Prove what `plan_proofs` chooses, one after the other; what differs is an alarm in the ledger.

    Raises RunInterruptedError when it was stopped: what was proved until then is written down.
    """
    transfers.reset()
    plan = plan_proofs(job, scope, hosts, now)
    began = time.monotonic()
    outcomes = []
    for each in plan.chosen:
        outcome = prove_one(job, each, hosts)
        transfers.check("prove", each.dataset)
        _remember(job, outcome)
        outcomes.append(outcome)
    seconds = round(time.monotonic() - began, 3)
    return ProofReport(plan=plan, started=now, seconds=seconds, outcomes=tuple(outcomes))


def prove_one(job: Job, each: Provable, hosts: Connections) -> ProofOutcome:
    """Ask both ends at the same time. Raises no ZoffsiteError: see the outcome."""
    nonce = secrets.token_bytes(NONCE)
    began, when = time.monotonic(), datetime.now(UTC)
    log.info("%s: proving %s, about %s", each.dataset, words_of(each), size_words(each.size))
    try:
        with ThreadPoolExecutor(max_workers=2, thread_name_prefix="zoffsite") as pool:
            asked = pool.submit(hosts.source_of(job).digest, each.ours, nonce)
            theirs = hosts.box_of(job).digest(each.theirs, nonce)
            ours = asked.result()
    except ZoffsiteError as error:
        log.error("%s; %s", error, error.remedy)
        return ProofOutcome(provable=each, state=ProofResult.FAILED, when=when, error=ErrorReport.of(error))
    seconds = round(time.monotonic() - began, 3)
    alarm = difference(each, ours, theirs)
    if alarm is None:
        log.info("%s: proved %s in %s", each.dataset, words_of(each), duration_words(seconds))
    else:
        log.error("%s; %s", alarm, alarm.remedy)
    return ProofOutcome(
        provable=each,
        state=ProofResult.DIFFERENT if alarm else ProofResult.PROVED,
        when=when,
        bytes=ours.bytes,
        seconds=seconds,
        error=ErrorReport.of(alarm) if alarm else None,
    )


def _proved(job: Job) -> Proved:
    """Without a ledger everything is due."""
    try:
        return ledger_of(job).proved()
    except OperationError as error:
        log.error("%s; %s", error, error.remedy)
        return {}


def _remember(job: Job, outcome: ProofOutcome) -> None:
    """An alarm stands until a person ends it; nothing of that dataset is pruned meanwhile."""
    if outcome.state is ProofResult.FAILED:
        return
    ledger = ledger_of(job)
    try:
        ledger.add_proof(outcome)
        if outcome.error is not None:
            each = outcome.error
            ledger.raise_alarms(
                [
                    Notice(
                        code=each.code,
                        subject=outcome.provable.dataset,
                        message=each.message,
                        remedy=each.remedy,
                        alert=True,
                    )
                ]
            )
    except OperationError as error:
        log.error("%s; %s", error, error.remedy)
