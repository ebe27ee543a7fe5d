"""How a replica stands, by the facts of both sides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.planning.make import REPLICA, SOURCE, job, mark, replica, snap, source, there
from zoffsite.actions.status import status_after, status_of
from zoffsite.model.inventory import DatasetState
from zoffsite.model.plan import JobPlan
from zoffsite.model.report import DatasetOutcome, DatasetResult, ErrorReport
from zoffsite.model.status import Freshness, ReplicaStatus
from zoffsite.model.work import JobWork, Work
from zoffsite.planning.sends import plan_sends

JOB = job(objective=timedelta(days=1))
TAKEN = datetime.fromtimestamp(snap(1).creation, UTC)
LATER = TAKEN + timedelta(days=9)
HERE = source(snap(1), snap(9), written=5)


def seen(here: DatasetState, box: DatasetState, now: datetime = LATER) -> ReplicaStatus:
    return status_of(JOB, Work(plan=plan_sends(JOB, here, box, None, REPLICA), source=here, replica=box), now)


@pytest.mark.parametrize("here", [HERE, source(snap(9), bookmarks=[mark(1)], written=5)])
@pytest.mark.parametrize("claimed", [LATER, LATER + timedelta(days=400)])
def test_an_old_snapshot_that_the_box_calls_new_is_as_old_as_the_source_knows_it_to_be(
    here: DatasetState, claimed: datetime
) -> None:
    found = seen(here, replica(there(1, creation=int(claimed.timestamp()))))
    assert (found.taken, found.as_of) == (TAKEN, TAKEN)
    assert found.freshness is Freshness.CRITICAL
    assert found.error is not None
    assert f"time of the newest: expected {TAKEN:%Y-%m-%d %H:%M:%S} UTC" in found.error.message


def test_an_honest_box_is_late_and_nothing_else() -> None:
    found = seen(HERE, replica(there(1)))
    assert (found.as_of, found.freshness, found.error) == (TAKEN, Freshness.CRITICAL, None)


def test_what_only_the_box_knows_and_lies_in_the_future_is_no_freshness() -> None:
    for claimed in (int(LATER.timestamp()) + 86400, 2**64 - 1):
        found = seen(HERE, replica(there(1), there(2, guid=999, creation=claimed)))
        assert (found.taken, found.as_of, found.freshness) == (None, None, Freshness.CRITICAL)


def test_what_was_taken_while_we_looked_is_fresh() -> None:
    found = seen(HERE, replica(there(1)), TAKEN - timedelta(seconds=3))
    assert (found.as_of, found.freshness) == (TAKEN - timedelta(seconds=3), Freshness.OK)


def test_a_source_that_was_not_written_to_since_keeps_its_replica_fresh() -> None:
    found = seen(source(snap(1)), replica(there(1)))
    assert (found.taken, found.as_of, found.freshness) == (TAKEN, LATER, Freshness.OK)


def after(here: DatasetState, box: DatasetState | None, **came: Any) -> ReplicaStatus:
    """After a backup, by what it saw before and its outcome."""
    plan = plan_sends(JOB, here, box, None, REPLICA)
    todo = JobWork(
        plan=JobPlan(job="home", to_snapshot=(), datasets=(plan,), prune=()),
        datasets=(Work(plan=plan, source=here, replica=box),),
    )
    outcome = DatasetOutcome(source=SOURCE, replica=REPLICA, **came)
    (found,) = status_after(JOB, todo, [outcome], LATER).replicas
    return found


SENT: dict[str, Any] = {"state": DatasetResult.SENT, "snapshot": snap(9).name, "guid": snap(9).guid, "bytes": 500}


@pytest.mark.parametrize(("box", "used"), [(None, 500), (replica(there(1)), 1500)])
def test_what_a_backup_has_brought_there_is_fresh_though_nobody_looks_again(
    box: DatasetState | None, used: int
) -> None:
    found = after(HERE, box, **SENT, verified=True)
    assert (found.newest, found.taken, found.used) == (snap(9).name, LATER - timedelta(days=1), used)
    assert found.good


def test_what_a_backup_could_not_bring_there_is_as_old_as_it_was() -> None:
    error = ErrorReport(code="stalled", message="no byte moved", remedy="zoffsite backup", transient=True)
    found = after(HERE, replica(there(1)), state=DatasetResult.FAILED, error=error)
    assert (found.taken, found.freshness, found.error) == (TAKEN, Freshness.CRITICAL, error)
    nothing = after(HERE, None, state=DatasetResult.FAILED, error=error)
    assert (nothing.newest, nothing.as_of, nothing.error) == (None, None, error)
