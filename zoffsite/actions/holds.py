"""Hold what is being sent. Per dataset, around its send, not per run in front of all.

ZFS writes out a whole transaction group for each snapshot that is held, one after the other even in one command
(measured: 60 in one command took 60 times what one took), so the process per dataset is the smaller part. This way the
groups of parallel transfers fall together, no transfer waits for the holds of others, and pruning after the send finds
the snapshots free again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import OperationError, RunInterruptedError, ZoffsiteError
from zoffsite.model.job import Job
from zoffsite.model.notice import Notice
from zoffsite.model.plan import DatasetPlan
from zoffsite.model.work import SourceFacts
from zoffsite.planning.holds import held_by_anyone, hold_tag, to_hold, without_holds

log = logging.getLogger(__name__)


@contextmanager
def held(job: Job, plan: DatasetPlan, hosts: Connections) -> Iterator[None]:
    """While the block lasts, nobody can destroy on the source what `plan` sends, nor its base.

    Raises OperationError "plan-outdated" (transient) when something of it is gone already.
    """
    names = to_hold(plan)
    if not names:
        yield
        return
    source = hosts.source_of(job)
    try:
        try:
            source.hold(hold_tag(job), names)
        except OperationError as error:
            raise (_outdated(plan, error) if error.code == "dataset-missing" else error) from error
        yield
    finally:
        _release(job, plan.source, names, hosts)


def release_orphans(job: Job, facts: SourceFacts, hosts: Connections) -> SourceFacts:
    """Release what a run of this job that was killed still holds; the lock says that no other is under way.

    One command looks, and only where the listing says that somebody holds something.
    """
    candidates = held_by_anyone(facts)
    if not candidates:
        return facts
    source = hosts.source_of(job)
    try:
        orphans = tuple(name for name, tag in source.holds(candidates) if tag == hold_tag(job))
        if orphans:
            log.info("releasing %d holds of a run that was killed", len(orphans))
            source.release(hold_tag(job), orphans)
    except RunInterruptedError:
        raise
    except ZoffsiteError as error:  # they only keep what could be pruned
        return replace(facts, notices=(*facts.notices, _still_held(job, error)))
    return without_holds(facts, orphans)


def _release(job: Job, dataset: str, names: tuple[str, ...], hosts: Connections) -> None:
    """Whatever happens here must not hide how the send ended. Who may not hold has nothing to release."""
    try:
        hosts.source_of(job).release(hold_tag(job), names)
    except ZoffsiteError as error:
        if error.code != "not-permitted":
            log.warning("%s: its holds are left to the next run to release: %s", dataset, error)


def _outdated(plan: DatasetPlan, error: OperationError) -> OperationError:
    return OperationError(
        "hold",
        plan.source,
        f"something that was to be sent, or its base, has been destroyed since it was planned ({error.problem})",
        "run it again: it is planned anew from what is there",
        code="plan-outdated",
        transient=True,
    )


def _still_held(job: Job, error: ZoffsiteError) -> Notice:
    return Notice(
        code="orphan-holds",
        subject=f"job {job.name}",
        message=f"what a run that was killed may still hold could not be released: {error}",
        remedy=error.remedy,
    )
