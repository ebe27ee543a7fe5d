"""Prove without a key that the box holds, now, what was sent: both ends digest the same stream, keyed by a nonce."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import SystemRandom

from zoffsite.actions.challenge import answered, make_challenges
from zoffsite.actions.look import look_at_source
from zoffsite.actions.memory import ask_ledger, ledger_of, tell_ledger
from zoffsite.actions.progress import Progress, log_progress, shown_on_board
from zoffsite.actions.retrying import with_retries
from zoffsite.actions.run import Known, Occasion, run_job, run_name
from zoffsite.config.settings import Settings
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.proving import ask_both
from zoffsite.hosts.telling import OnBytes
from zoffsite.hosts.transfers import transfers
from zoffsite.ledger import Ledger
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.job import Job
from zoffsite.model.memory import Memory
from zoffsite.model.notice import Notice
from zoffsite.model.proof import (
    ProofOutcome,
    ProofPlan,
    ProofReport,
    ProofResult,
    Proofs,
    Provable,
    StreamDigest,
)
from zoffsite.model.report import DatasetOutcome, DatasetResult, ErrorReport, RunReport
from zoffsite.model.work import Members
from zoffsite.planning.bandwidth import rate_at
from zoffsite.planning.coverage import Coverage
from zoffsite.planning.proving import difference, gone, survey, words_of
from zoffsite.planning.rotation import Turn, choose, notices_of
from zoffsite.stream.digest import NONCE
from zoffsite.views.words import duration_words, size_words
from zoffsite.zfs.names import replica_of

log = logging.getLogger(__name__)


PROVE = "prove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What one run proves: of the datasets in `only` (none: all), what was not proved `within`; `at_most` bytes."""

    only: Collection[str] = ()
    within: timedelta
    at_most: int | None = None

    @classmethod
    def of(cls, job: Job, only: Collection[str] = ()) -> Scope:
        """What the job's settings say."""
        return cls(only=only, within=job.proof.within, at_most=job.proof.at_most)


def plan_proofs(job: Job, scope: Scope, hosts: Connections, now: datetime) -> ProofPlan:
    """What would be proved now. Reads both listings, and no data."""
    facts = look_at_source(job, hosts, now, scope.only)
    there = hosts.box_of(job).inventory(job.root).datasets
    coverage = Coverage(ask_ledger(job, Ledger.proofs, Proofs()))  # without a ledger everything is due
    replicas = {replica_of(job, source.dataset.name): source for source in facts.chosen}
    pairs = [(source, there.get(name)) for name, source in replicas.items()]
    lost = () if scope.only else gone(ask_ledger(job, Ledger.recall, Memory()), facts.inventory, there, replicas)
    seen = survey(pairs, coverage, ask_ledger(job, Ledger.challenges, {}), lost)
    turn = Turn(now=now, within=scope.within, at_most=scope.at_most, began=coverage.began)
    plan = choose(job.name, seen.streams, turn, SystemRandom(), unprovable=seen.unprovable, beyond=seen.beyond)
    return replace(plan, members=frozenset(source.dataset.name for source, _ in (*pairs, *lost)))


def prove(job: Job, scope: Scope, hosts: Connections, now: datetime, progress: Progress) -> ProofReport:
    """Prove what `plan_proofs` chooses, one after the other; what differs is an alarm in the ledger.

    Raises RunInterruptedError when it was stopped: what was proved until then is written down.
    """
    plan = plan_proofs(job, scope, hosts, now)
    began = time.monotonic()
    outcomes = prove_streams(job, plan.chosen, hosts, shown_as=job.name, progress=progress)
    seconds = round(time.monotonic() - began, 3)
    return ProofReport(plan=plan, started=now, seconds=seconds, outcomes=tuple(outcomes))


def prove_job(settings: Settings, job: Job, scope: Scope) -> RunReport:
    """The same as a run: under the job's lock, its report saved, and told where it must be."""
    run = run_name(f"{job.name}-{PROVE}")
    what = Occasion(run=run, how=f"zoffsite {PROVE}", verb=PROVE, whole=not scope.only, unattended=True)
    with Connections() as hosts:

        def steps(now: datetime) -> Iterator[Known]:
            plan = with_retries(lambda _: plan_proofs(job, scope, hosts, now), job.retries)
            yield from before_proofs(job, plan)
            progress = shown_on_board(job.name, log_progress())
            for dataset, streams in by_dataset(plan).items():
                outcomes = prove_streams(job, streams, hosts, shown_as=dataset, progress=progress)
                yield from dataset_proved(dataset, outcomes)

        return run_job(settings, job, what, hosts, steps)


def before_proofs(job: Job, plan: ProofPlan) -> Iterator[Known]:
    """All datasets of the job, and what a person should know of the plan, for a run's report."""
    yield Members(datasets=plan.members)
    yield from notices_of(job, plan)


def prove_streams(
    job: Job, streams: Sequence[Provable], hosts: Connections, *, shown_as: str, progress: Progress
) -> list[ProofOutcome]:
    """One after the other; the progress is of all of them, by what the source has read. A stream whose challenge
    another run has asked meanwhile has no outcome here.

    Raises no ZoffsiteError (see the outcomes) but RunInterruptedError, when it was stopped.
    """
    what, outcomes, told, done = f"{shown_as} (proving)", list[ProofOutcome](), 0, 0

    def tell(before: int, size: int, count: int) -> None:
        nonlocal told
        now = max(told, before + min(count, size))  # another attempt begins at nothing
        progress.advance(what, now - told)
        told = now

    progress.start(what, sum(each.size for each in streams))
    try:
        for each in streams:
            read = partial(tell, told, each.size)
            if (outcome := _prove_one(job, each, hosts, read)) is not None:
                outcomes.append(outcome)
            read(each.size)
            done += 1
    finally:
        progress.finish(what, complete=done == len(streams))
    return outcomes


def by_dataset(plan: ProofPlan) -> dict[str, list[Provable]]:
    """What was chosen, a dataset at a time."""
    found: dict[str, list[Provable]] = {}
    for each in plan.chosen:
        found.setdefault(each.dataset, []).append(each)
    return found


def dataset_proved(dataset: str, outcomes: Sequence[ProofOutcome]) -> Iterator[DatasetOutcome | Notice]:
    """What the proofs of one dataset came to, for a run's report; the alarm of what differs, for its alerts."""
    if not outcomes:
        return
    bad = next((each for each in outcomes if each.state is ProofResult.DIFFERENT), None)
    bad = bad or next((each for each in outcomes if each.state is ProofResult.FAILED), None)
    newest = max((each.provable.ours.to for each in outcomes), key=lambda snapshot: snapshot.creation)
    yield DatasetOutcome(
        source=dataset,
        replica=outcomes[0].provable.replica,
        state=DatasetResult.FAILED if bad else DatasetResult.UP_TO_DATE,
        seconds=round(sum(each.seconds for each in outcomes), 3),
        snapshot=newest.name,
        guid=newest.guid,
        verified=bad is None,
        error=bad.error if bad else None,
    )
    if bad is not None and bad.error is not None and bad.state is ProofResult.DIFFERENT:
        yield bad.error.alarm(dataset)


def _prove_one(job: Job, each: Provable, hosts: Connections, on_bytes: OnBytes) -> ProofOutcome | None:
    """Ask both ends at the same time, and write down what they say; None where another run does."""
    rate = rate_at(job.proof, datetime.now().time())  # it is the ends that keep to it, so it holds for a whole stream
    outcome = _ask_both(job, each, hosts, rate, on_bytes)
    transfers.check("prove", each.dataset)
    if outcome is None:
        return None
    _remember(job, outcome)
    if outcome.state is ProofResult.PROVED:
        make_challenges(job, each, hosts, rate)
    return outcome


def _ask_both(job: Job, each: Provable, hosts: Connections, rate: int | None, on_bytes: OnBytes) -> ProofOutcome | None:
    began, when = time.monotonic(), datetime.now(UTC)
    log.info("%s: proving %s, about %s", each.dataset, words_of(each), size_words(each.size))
    try:
        if each.challenge is not None:
            said = answered(job, each, each.challenge, hosts, rate)
        else:
            said = with_retries(lambda _: _ask_now(job, each, hosts, rate, on_bytes), job.retries)
    except ZoffsiteError as error:
        log.error("%s; %s", error, error.remedy)
        return ProofOutcome(provable=each, state=ProofResult.FAILED, when=when, error=ErrorReport.of(error))
    if said is None:
        log.info("%s: another run has asked the challenge of %s", each.dataset, words_of(each))
        return None
    ours, theirs = said
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


def _ask_now(
    job: Job, each: Provable, hosts: Connections, rate: int | None, on_bytes: OnBytes
) -> tuple[StreamDigest, StreamDigest]:
    """What both ends say. Each attempt has a nonce of its own: the box has heard the one before."""
    nonce = secrets.token_bytes(NONCE)
    return ask_both(hosts.source_of(job), hosts.box_of(job), each, nonce, rate, on_bytes)


def _remember(job: Job, outcome: ProofOutcome) -> None:
    """An alarm stands until a person ends it; nothing of that dataset is pruned meanwhile."""
    ledger = ledger_of(job)

    def write() -> None:
        ledger.add_proof(outcome)
        if outcome.error is not None and outcome.state is ProofResult.DIFFERENT:
            ledger.raise_alarms([outcome.error.alarm(outcome.provable.dataset)])

    tell_ledger(write)
