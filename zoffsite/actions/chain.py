"""The chain of one dataset: send → verify → remember → prune, and what became of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from zoffsite.actions.send import plan_error
from zoffsite.live import board_of
from zoffsite.model.errors import ConflictError, OperationError, SafetyError, ZoffsiteError
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.plan import Conflict, DatasetPlan, Refused, Send, Side, UpToDate
from zoffsite.model.report import DatasetOutcome, DatasetResult, ErrorReport
from zoffsite.model.version import Snapshot
from zoffsite.model.work import JobWork, Pruned, Sent, Work
from zoffsite.planning.bookmarks import to_bookmark
from zoffsite.planning.clones import lent
from zoffsite.planning.space import crowded_out
from zoffsite.planning.verification import check_replica

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verbs:
    """The steps of the chain, as whoever drives it runs them: plain functions, or Prefect tasks around the same ones.

    Each raises a ZoffsiteError when it has failed for good; retries are the driver's.
    """

    send: Callable[[Job, Work], Sent]
    verify: Callable[[Job, str, Snapshot], DatasetState]
    prune: Callable[[Job, DatasetState, DatasetState, Snapshot], Pruned]


def settled(job: Job, work: Work, pruning: Collection[tuple[Side, str]]) -> bool:
    """True when the listing already shows that nothing is to be done for this dataset, so that it costs no step.

    `pruning`: where the run destroys anything.
    """
    if not isinstance(work.plan, UpToDate) or work.replica is None:
        return False
    if check_replica(work.plan.newest, work.replica):
        return False
    if to_bookmark(job, work.source, work.plan.newest.guid) is not None:
        return False
    return (Side.SOURCE, work.plan.source) not in pruning and (Side.BOX, work.plan.replica) not in pruning


def split(job: Job, todo: JobWork) -> tuple[list[DatasetOutcome], list[Work]]:
    """The outcomes that are known from the plan alone, and the datasets that need work."""
    pruning = {(prune.side, prune.dataset) for prune in todo.plan.prune}
    known = [failure(plan, plan_error(plan)) for plan in todo.vanished]
    rest: list[Work] = []
    for work in todo.datasets:
        if crowded_out(work.plan) and (Side.BOX, work.plan.replica) in pruning:
            rest.append(work)
        elif isinstance(work.plan, Conflict | Refused):
            known.append(failure(work.plan, plan_error(work.plan)))
        elif settled(job, work, pruning):
            known.append(_outcome(work.plan, DatasetResult.UP_TO_DATE, newest_of(work.plan), verified=True))
        else:
            rest.append(work)
    return known, rest


def replicate(job: Job, work: Work, verbs: Verbs) -> DatasetOutcome:
    """Run the chain for one dataset. Raises no Exception, for one dataset must not stop the others: see the outcome."""
    outcome = _make_room(job, work, work.plan, verbs) if crowded_out(work.plan) else _chain(job, work, verbs)
    board = board_of(job.name)
    moved = board.moved(outcome.source) if board else None
    return outcome if moved is None else replace(outcome, bytes=moved[0], seconds=round(moved[1], 3))


def _chain(job: Job, work: Work, verbs: Verbs) -> DatasetOutcome:
    plan = work.plan
    sent = Sent(newest=newest_of(plan), bytes=0, seconds=0.0)
    outcome = _outcome(plan, DatasetResult.UP_TO_DATE, sent.newest)
    try:
        if isinstance(plan, Send) or (isinstance(plan, UpToDate) and plan.stale_token):
            sent = verbs.send(job, work)
            outcome = replace(outcome, notices=sent.notices)
        if isinstance(plan, Send):
            outcome = replace(
                _outcome(plan, DatasetResult.SENT, sent.newest),
                bytes=sent.bytes,
                seconds=round(sent.seconds, 3),
                notices=sent.notices,
            )
        replica = verbs.verify(job, plan.replica, sent.newest)
        outcome = replace(outcome, verified=True)
        source = lent(sent.source or work.source, work.lends)
        pruned = verbs.prune(job, source, lent(replica, work.lends), sent.newest)
    except ZoffsiteError as error:
        log.error("%s; %s", error, error.remedy)
        return replace(outcome, state=_state(error), error=ErrorReport.of(error))
    except Exception as error:
        log.exception("%s: an error that nobody thought of", plan.source)
        return replace(outcome, state=DatasetResult.FAILED, error=ErrorReport.of(_unexpected(plan, error)))
    return replace(outcome, pruned_source=pruned.source, pruned_box=pruned.box)


def _make_room(job: Job, work: Work, plan: Refused, verbs: Verbs) -> DatasetOutcome:
    """Nothing of it can be sent, and that is how it ends; but the retention frees room for the next run."""
    refused = failure(plan, plan_error(plan))
    assert work.replica is not None and work.replica.newest is not None  # noqa: S101 - retention destroys some of it
    newest = work.replica.newest
    try:
        replica = verbs.verify(job, plan.replica, newest)
        pruned = verbs.prune(job, lent(work.source, work.lends), lent(replica, work.lends), newest)
    except ZoffsiteError as error:
        log.error("%s; %s", error, error.remedy)
        return refused
    except Exception as error:
        log.exception("%s: an error that nobody thought of", plan.source)
        return failure(plan, _unexpected(plan, error))
    return replace(refused, pruned_source=pruned.source, pruned_box=pruned.box)


def failure(plan: DatasetPlan, error: ZoffsiteError) -> DatasetOutcome:
    """The outcome of a dataset that failed before anything of it was sent."""
    return DatasetOutcome(source=plan.source, replica=plan.replica, state=_state(error), error=ErrorReport.of(error))


def newest_of(plan: DatasetPlan) -> Snapshot:
    """The snapshot that the replica has once the plan is carried out."""
    if isinstance(plan, Send):
        return plan.steps[-1].to
    assert isinstance(plan, UpToDate)  # noqa: S101 - conflicts and refusals were sorted out by `split`
    return plan.newest


def _outcome(plan: DatasetPlan, state: DatasetResult, newest: Snapshot, *, verified: bool = False) -> DatasetOutcome:
    return DatasetOutcome(
        source=plan.source,
        replica=plan.replica,
        state=state,
        snapshot=newest.name,
        guid=newest.guid,
        verified=verified,
    )


def _unexpected(plan: DatasetPlan, error: Exception) -> OperationError:
    return OperationError(
        "back up",
        plan.source,
        f"an error that nobody thought of: {type(error).__name__}: {error}",
        "this is a bug: report it with the traceback in the log; nothing on the box was lost",
        code="unexpected",
    )


def _state(error: ZoffsiteError) -> DatasetResult:
    if isinstance(error, SafetyError):
        return DatasetResult.REFUSED
    return DatasetResult.CONFLICT if isinstance(error, ConflictError) else DatasetResult.FAILED
