"""Rehearse a restore: bring a dataset back into a scratch, open it, compare all of it with the source, clear away."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from shlex import quote

from zoffsite.actions.look import look_at_source
from zoffsite.actions.memory import ask_ledger, ledger_of, tell_ledger
from zoffsite.actions.progress import Progress, log_progress
from zoffsite.actions.restore import bring_back
from zoffsite.actions.retrying import with_retries
from zoffsite.actions.run import Known, Occasion, run_job, run_name
from zoffsite.actions.unlock import Keys, open_up
from zoffsite.config.settings import Settings
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.rehearsal import Rehearsal
from zoffsite.hosts.transfers import transfers
from zoffsite.ledger import Ledger
from zoffsite.model.dataset import Kind
from zoffsite.model.drill import DRILL, Comparison, Drillable, DrillOutcome, DrillPlan, DrillResult
from zoffsite.model.errors import OperationError, SafetyError, SettingsError, ZoffsiteError
from zoffsite.model.job import Job
from zoffsite.model.notice import Notice
from zoffsite.model.report import DatasetOutcome, DatasetResult, ErrorReport, RunReport
from zoffsite.model.restore import RestoreOutcome, RestoreResult, Wanted
from zoffsite.model.work import Members
from zoffsite.planning.canary import FILE
from zoffsite.planning.drilling import (
    BACK,
    LIVE,
    alarm,
    choose,
    drillable,
    is_for_drills,
    key_file,
    no_common,
    notices_of,
    scratch_exists,
    scratch_of,
    unknown_canary,
    verdict,
)
from zoffsite.views.words import duration_words, size_words
from zoffsite.zfs.names import replica_of

log = logging.getLogger(__name__)

NO_KEYS = Keys()
_WRONG_KEY = (
    "the box has it under the key of the last backup: run one, or name that key: zoffsite drill {} --key-file PATH"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillReport:
    """What a run planned and drilled, beside the run's own report. `plan` is None where it did not get so far."""

    run: RunReport
    plan: DrillPlan | None
    outcomes: tuple[DrillOutcome, ...]


def plan_drill(job: Job, only: Collection[str], hosts: Connections, now: datetime) -> DrillPlan:
    """What would be drilled now: what is in `only`, else the canary and what was drilled longest ago.

    Reads both listings.
    """
    chosen = look_at_source(job, hosts, now, only).chosen
    there = hosts.box_of(job).inventory(job.root).datasets
    turns: Mapping[str, datetime] = ask_ledger(job, Ledger.turns, {})  # without a ledger nothing was ever drilled
    found: list[Drillable] = []
    missing: list[str] = []
    foreign: list[tuple[str, str]] = []
    for source in chosen:
        name = source.dataset.name
        if not source.dataset.encrypted or not (only or is_for_drills(job, name)):
            continue
        replica = there.get(replica_of(job, name))
        if replica is None or not replica.snapshots:
            missing.append(name)
        elif (each := drillable(source, replica, turns)) is None:
            foreign.append((name, replica.dataset.name))
        else:
            found.append(each)
    return choose(job, found, nothing_there=missing, foreign=foreign, asked=only)


def clear_away(job: Job, plan: DrillPlan, hosts: Connections) -> None:
    """Destroy what killed drills of this job have left, wherever."""
    rehearsal = hosts.rehearsal_of(job)
    for scratch in plan.scratches:
        if rehearsal.is_there(scratch) and rehearsal.owner(scratch) == job.name:
            log.warning("%s: destroying what a drill has left that was killed", scratch)
            rehearsal.destroy(scratch)


def drill_job(
    settings: Settings,
    job: Job,
    only: Collection[str],
    *,
    keys: Keys = NO_KEYS,
    progress: Progress | None = None,
) -> DrillReport:
    """Drill as a run: under the job's lock, its report saved, and told where it must be."""
    run = run_name(f"{job.name}-{DRILL}")
    what = Occasion(run=run, how=f"zoffsite {DRILL}", verb=DRILL, whole=not only, unattended=True)
    plans: list[DrillPlan] = []
    outcomes: list[DrillOutcome] = []
    with Connections() as hosts:

        def steps(now: datetime) -> Iterator[Known]:
            plan = with_retries(lambda _: plan_drill(job, only, hosts, now), job.retries)
            plans.append(plan)
            yield from not_drilled(job, plan)
            clear_away(job, plan, hosts)
            for each in plan.chosen:
                outcomes.append(drill_one(job, each, hosts, keys=keys, progress=progress))
                yield from drilled_outcome(outcomes[-1])

        report = run_job(settings, job, what, hosts, steps)
    return DrillReport(run=report, plan=plans[0] if plans else None, outcomes=tuple(outcomes))


def not_drilled(job: Job, plan: DrillPlan) -> Iterator[Known]:
    """All that have turns, and what cannot be drilled, for a run's report."""
    yield Members(datasets=plan.members)
    yield from notices_of(job, plan)
    for dataset, replica in plan.foreign:
        error = ErrorReport.of(no_common(job, dataset, replica))
        yield DatasetOutcome(source=dataset, replica=replica, state=DatasetResult.FAILED, error=error)


def drill_one(
    job: Job, each: Drillable, hosts: Connections, *, keys: Keys = NO_KEYS, progress: Progress | None = None
) -> DrillOutcome:
    """Drill one dataset, and write down how it ended. Whatever happens, the scratch is destroyed in the end.

    Raises no ZoffsiteError (see the outcome) but RunInterruptedError, when it was stopped.
    """
    began = time.monotonic()
    log.info("%s: drilling @%s, about %s", each.dataset, each.ours.name, size_words(each.size))
    drill = _Drill(job, each, hosts, keys, progress or log_progress())
    outcome = drill.carry_out()
    transfers.check("drill", each.dataset)
    outcome = replace(outcome, seconds=round(time.monotonic() - began, 3))
    if outcome.error is not None:
        log.error("%s; %s", outcome.error.message, outcome.error.remedy)
    else:
        log.info("%s: came back whole in %s", each.dataset, duration_words(outcome.recovery or 0.0))
    _remember(job, outcome)
    return outcome


def drilled_outcome(outcome: DrillOutcome) -> Iterator[DatasetOutcome | Notice]:
    """What a drill came to, for a run's report; the alarm of what differs, for its alerts."""
    passed = outcome.state is DrillResult.PASSED
    yield DatasetOutcome(
        source=outcome.drillable.dataset,
        replica=outcome.drillable.replica,
        state=DatasetResult.UP_TO_DATE if passed else DatasetResult.FAILED,
        bytes=outcome.bytes,
        seconds=outcome.seconds,
        snapshot=outcome.drillable.ours.name,
        guid=outcome.drillable.ours.guid,
        verified=passed,
        error=outcome.error,
    )
    yield from outcome.notices
    if outcome.error is not None and outcome.state is DrillResult.DIFFERENT:
        yield outcome.error.alarm(outcome.drillable.dataset)


@dataclass(slots=True)
class _Drill:
    """One drill, and what is known of it so far."""

    job: Job
    each: Drillable
    hosts: Connections
    keys: Keys
    progress: Progress
    when: datetime = field(default_factory=lambda: datetime.now(UTC))
    bytes: int = 0
    recovery: float | None = None

    def carry_out(self) -> DrillOutcome:
        """Raises no ZoffsiteError: see the outcome."""
        try:
            scratch, rehearsal = scratch_of(self.job, self.each), self.hosts.rehearsal_of(self.job)
            if rehearsal.is_there(scratch):
                raise scratch_exists(self.job, scratch, rehearsal.owner(scratch))
            with rehearsal.scratch(scratch, self.job.name):
                compared = self._rehearse(scratch, rehearsal)
            canary = _canary(self.job, self.each)
            error = verdict(self.job, self.each, compared, canary, self.when)
            unknown = unknown_canary(self.job, self.each, canary)
        except ZoffsiteError as problem:
            return self._ended(problem, None)
        return replace(self._ended(error, compared), notices=(unknown,) if unknown else ())

    def _rehearse(self, scratch: str, rehearsal: Rehearsal) -> Comparison:
        back, live = f"{scratch}/{BACK}", f"{scratch}/{LIVE}"
        keys = self._keys(rehearsal)
        began = time.monotonic()
        self._receive(back, keys)
        if self.each.kind is Kind.VOLUME:
            rehearsal.clone(self.each.ours, live)
        else:
            rehearsal.show_as(self.each.dataset, back)
        self.recovery = round(time.monotonic() - began, 3)
        return self._compare(back, live, rehearsal)

    def _keys(self, rehearsal: Rehearsal) -> Keys:
        """Those that were given; else the file that the settings or the dataset's own keylocation name."""
        if self.keys.given:
            return self.keys
        path = key_file(self.job, self.each, rehearsal.keylocation(self.each.encryptionroot))
        if path is None:
            raise _no_key(self.job, self.each)
        return Keys(files={"": path})

    def _receive(self, back: str, keys: Keys) -> None:
        wanted = Wanted(dataset=self.each.dataset, to=back, snapshot=self.each.theirs.name, alone=True)
        outcomes = bring_back(self.job, wanted, self.hosts, self.progress, self.job.drill.bandwidth)
        _check(self.each, outcomes)
        self.bytes = sum(outcome.bytes for outcome in outcomes)
        _check(self.each, tuple(open_up(outcomes, back, keys, self.hosts.receiver_of(self.job))))

    def _compare(self, back: str, live: str, rehearsal: Rehearsal) -> Comparison:
        name, complete, done = f"{self.each.dataset} (reading)", False, 0

        def on_bytes(count: int) -> None:
            nonlocal done
            self.progress.advance(name, count - done)
            done = count

        self.progress.start(name, self.each.size)
        try:
            if self.each.kind is Kind.VOLUME:
                compared = rehearsal.compare_blocks(live, back, self.job.stall, on_bytes)
            else:
                theirs, told = f"{back}@{self.each.theirs.name}", FILE if self._is_canary else ""
                compared = rehearsal.compare_files(self.each.ours.full_name, theirs, told, self.job.stall, on_bytes)
            on_bytes(compared.bytes)
            complete = True
        finally:
            self.progress.finish(name, complete=complete)
        return compared

    @property
    def _is_canary(self) -> bool:
        return self.each.dataset == self.job.drill.canary

    def _ended(self, error: ZoffsiteError | None, compared: Comparison | None) -> DrillOutcome:
        different = isinstance(error, SafetyError) and error.code == "drill-failed"
        bad = DrillResult.DIFFERENT if different else DrillResult.FAILED
        return DrillOutcome(
            drillable=self.each,
            state=DrillResult.PASSED if error is None else bad,
            when=self.when,
            bytes=self.bytes,
            recovery=self.recovery,
            compared=compared,
            error=ErrorReport.of(error) if error else None,
        )


def _check(each: Drillable, outcomes: Collection[RestoreOutcome]) -> None:
    """Raise what went wrong. What is not even the stream that was asked for is an alarm."""
    bad = next((outcome for outcome in outcomes if outcome.error), None)
    if bad is None or bad.error is None:
        return
    if bad.state is RestoreResult.REFUSED and bad.error.code.startswith("stream-"):
        raise alarm(each, f"it is not what was asked for: {bad.error.message}")
    remedy = _WRONG_KEY.format(quote(each.dataset)) if bad.error.code == "wrong-key" else bad.error.remedy
    raise OperationError("drill", each.dataset, bad.error.message, remedy, code=bad.error.code)


def _canary(job: Job, each: Drillable) -> str | None:
    if each.dataset != job.drill.canary:
        return None
    return ask_ledger(job, lambda ledger: ledger.canary(each.ours.guid), None)


def _remember(job: Job, outcome: DrillOutcome) -> None:
    """An alarm stands until a person ends it; nothing of that dataset is pruned meanwhile."""
    ledger = ledger_of(job)

    def write() -> None:
        ledger.add_drill(outcome)
        if outcome.error is not None and outcome.state is DrillResult.DIFFERENT:
            ledger.raise_alarms([outcome.error.alarm(outcome.drillable.dataset)])

    tell_ledger(write)


def _no_key(job: Job, each: Drillable) -> SettingsError:
    return SettingsError(
        "drill",
        each.dataset,
        f"the key of {each.encryptionroot} is asked for by a prompt, and a drill on a schedule has nobody to ask",
        f'name a file with it: key_files = {{ "{each.encryptionroot}" = "/root/keys/…" }} in [job.{job.name}.drill]; '
        f"or run it by hand: zoffsite drill --ask-key --job {job.name}",
        code="no-key",
    )
