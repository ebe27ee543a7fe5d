"""Ask the ledger, and tell it. Nothing here stops a backup: where the ledger cannot be used, facts alone decide.

What then goes unnoticed is said in an alert, and nothing is pruned, because nobody can know whether an alarm stands.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from zoffsite.ledger import Ledger
from zoffsite.model.errors import OperationError, SafetyError
from zoffsite.model.job import Job
from zoffsite.model.memory import Memory, SentSnapshot
from zoffsite.model.notice import Notice
from zoffsite.model.plan import PrunePlan, Send, SendStep, Side
from zoffsite.model.report import RunReport
from zoffsite.model.work import Work
from zoffsite.planning.memory import approve_command, no_longer_there, standing_notices, unremembered

log = logging.getLogger(__name__)
T = TypeVar("T")


def ledger_of(job: Job) -> Ledger:
    """The ledger as this job sees it."""
    return Ledger(job.ledger, job.name)


def ask_ledger(job: Job, question: Callable[[Ledger], T], unknown: T) -> T:
    """What the ledger says; `unknown`, and a line in the log, where it cannot be read."""
    try:
        return question(ledger_of(job))
    except OperationError as error:
        log.error("%s; %s", error, error.remedy)
        return unknown


def tell_ledger(write: Callable[[], object]) -> None:
    """Where it cannot be written, the log says so, and nothing stops for it."""
    try:
        write()
    except OperationError as error:
        log.error("%s; %s", error, error.remedy)


def recall(job: Job) -> tuple[Memory | None, tuple[Notice, ...]]:
    """What is known of the job; None, and why, where the ledger cannot be read."""
    try:
        return ledger_of(job).recall(), ()
    except OperationError as error:
        return None, (_unusable(error),)


def notices_of(job: Job, work: Work) -> tuple[Notice, ...]:
    """What the plan raises, and what stands from before."""
    standing = standing_notices(job, work.plan.source, work.memory) if work.memory else ()
    return (*work.raised, *standing)


def take_note(job: Job, works: Iterable[Work]) -> None:
    """Write down what the plans of a run have shown, before anything is done: from here on an alarm stands."""
    known = [(work, work.memory) for work in works if work.memory is not None]
    raised = [notice for work, _ in known for notice in work.raised]
    lost = [(work.plan.replica, guid) for work, memory in known for guid in no_longer_there(work.replica, memory)]
    seen = [
        (work.source.dataset, work.plan.replica, each)
        for work, memory in known
        for each in unremembered(work.source, work.replica, memory)
    ]
    ledger = ledger_of(job)
    for work, memory in known:
        if memory.dataset and (memory.dataset, memory.replica) != (work.plan.source, work.plan.replica):
            tell_ledger(partial(ledger.renamed, memory, work.plan.source, work.plan.replica))
    if raised:
        tell_ledger(partial(ledger.raise_alarms, raised))
    if lost:
        tell_ledger(partial(ledger.gone, lost))
    if seen:
        tell_ledger(partial(ledger.seen, seen))


def let_go(job: Job, dataset: str, plans: Iterable[PrunePlan]) -> bool:
    """Whether `plans` may be carried out; what they destroy on the box may then be there or not, until `note_left`."""
    leaving = [(each.dataset, s.guid) for each in plans if each.side is Side.BOX for s in each.destroy]
    ledger = ledger_of(job)
    try:
        if ledger.alarms().get(dataset):
            return False
        if leaving:
            ledger.leaving(leaving)
    except OperationError as error:
        log.error("%s; nothing of %s is pruned", error, dataset)
        return False
    return True


def note_left(job: Job, plan: PrunePlan, kept: Collection[str]) -> int:
    """The box has answered: all but `kept` has gone, how many; what it keeps is expected to be there as before.

    Where nobody comes to write that down, the next run finds it out by what is there (`take_note`).
    """
    left = [(plan.dataset, each.guid) for each in plan.destroy if each.name not in kept]
    stays = [(plan.dataset, each.guid) for each in plan.destroy if each.name in kept]
    ledger = ledger_of(job)
    tell_ledger(partial(ledger.gone, left))
    tell_ledger(partial(ledger.stay, stays))
    return len(left)


def note_pruned(job: Job, dataset: str, replica: str, plan: PrunePlan, destroyed: int) -> None:
    """For the history: what was to be pruned on one side, and how many snapshots went."""
    tell_ledger(partial(ledger_of(job).pruned, dataset, replica, plan, destroyed))


def remember_told(job: Job, report: RunReport) -> None:
    """The alerts of this report have gone out."""
    alerts = [notice for notice in report.all_notices if notice.alert]
    if alerts and job.ledger.exists():
        tell_ledger(partial(ledger_of(job).told, alerts))


def remember_verified(job: Job, report: RunReport) -> None:
    """For whoever asks when the box is away: with which replicas this run found nothing wrong."""
    good = [outcome.source for outcome in report.datasets if outcome.verified]
    if good and job.ledger.exists():
        tell_ledger(lambda: ledger_of(job).verified(good, report.started))


class Record:
    """What the ledger is asked and told while one dataset is sent."""

    def __init__(self, job: Job, work: Work) -> None:
        self._job = job
        self._work = work
        self._ledger = ledger_of(job)
        self._key = ""
        self.notices: tuple[Notice, ...] = ()

    def check_key(self, step: SendStep, key: str, *, resumed: bool) -> None:
        """Whether a stream that brings the wrapped key with this fingerprint may leave; SafetyError "key-changed".

        The first key of a replica is trusted: where the box has nothing of it, a new one begins.
        """
        plan, guid = self._work.plan, self._work.source.dataset.guid
        first = isinstance(plan, Send) and step is plan.steps[0] and not resumed
        anew = first and (self._work.replica is None or not self._work.replica.snapshots)
        self._key = key
        try:
            trusted = self._ledger.trust(plan.replica, plan.source, guid, key, anew=anew)
        except OperationError as error:
            self._trouble(error)
            return
        if trusted != key:
            raise _key_changed(self._job, plan.source)

    def sent(self, step: SendStep, count: int, seconds: float) -> None:
        """The box has received `step`."""
        plan, source = self._work.plan, self._work.source
        sent = SentSnapshot(
            dataset=plan.source,
            dataset_guid=source.dataset.guid,
            replica=plan.replica,
            name=step.to.name,
            guid=step.to.guid,
            base_guid=step.base.guid if step.base else None,
            written=step.written,
            bytes=count,
            seconds=seconds,
            when=datetime.now(UTC),
            key=self._key,
            encryptionroot=source.dataset.encryptionroot,
            createtxg=step.to.createtxg,
        )
        try:
            self._ledger.add(sent)
        except OperationError as error:
            self._trouble(error)

    def _trouble(self, error: OperationError) -> None:
        if not self.notices and self._work.memory is not None:  # else it was said with the plan
            self.notices = (_unusable(error),)


def _key_changed(job: Job, dataset: str) -> SafetyError:
    return SafetyError(
        "send",
        dataset,
        "its encryption key was changed on the source (zfs change-key) since the last run; held back, because the "
        "change would travel to the box with the next send",
        f"if that was you: {approve_command(job, dataset)}",
        code="key-changed",
    )


def _unusable(error: OperationError) -> Notice:
    return Notice(
        code=error.code,
        subject="the ledger",
        message=f"{error.problem}; backups go on, but a changed key, a loss on the box or an unusual increment goes "
        "unnoticed, and nothing is pruned",
        remedy=error.remedy,
        alert=True,
    )
