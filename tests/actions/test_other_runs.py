"""The runs that are no backup: one only looks, one only prunes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.planning.make import JOB, REPLICA, mark, replica, snap, source, there
from tests.views.values import EMPTY, STATUS
from tests.views.values import REPLICA as GOOD
from zoffsite.actions.check import checked
from zoffsite.actions.plan import expected_prunes
from zoffsite.actions.tidy import to_prune
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Retention
from zoffsite.model.notice import Notice
from zoffsite.model.plan import JobPlan, UpToDate
from zoffsite.model.report import DatasetOutcome, DatasetResult
from zoffsite.model.status import Freshness
from zoffsite.model.work import JobWork, Work
from zoffsite.planning.sends import plan_sends

NOW = datetime(2027, 11, 23, 3, tzinfo=UTC)
PRUNING = replace(JOB, keep_source=Retention(last=1), keep_box=Retention(last=1))


def test_a_replica_is_good_failed_or_missing_and_an_old_one_is_an_alert_besides() -> None:
    old = replace(GOOD, source="tank/old", freshness=Freshness.CRITICAL, as_of=STATUS.when - timedelta(days=9))
    found = list(checked(JOB, replace(STATUS, replicas=(replace(GOOD, error=None), old, replace(EMPTY, error=None)))))
    outcomes = [each for each in found if isinstance(each, DatasetOutcome)]
    notices = [each for each in found if isinstance(each, Notice)]
    assert outcomes[0].state is DatasetResult.UP_TO_DATE
    assert outcomes[-1].error is not None
    assert outcomes[-1].error.code == "nothing-there"
    assert [(each.code, each.subject, each.alert) for each in notices] == [("stale", "tank/old", True)]
    assert "9 days" in notices[0].message


def todo(*works: Work) -> JobWork:
    prunes = tuple(prune for work in works for prune in expected_prunes(PRUNING, work, NOW) if prune.destroy)
    return JobWork(plan=JobPlan(job="home", to_snapshot=(), datasets=(), prune=prunes), datasets=works)


def work(here: DatasetState, on_box: DatasetState) -> Work:
    return Work(plan=plan_sends(PRUNING, here, on_box, None, REPLICA), source=here, replica=on_box)


def test_only_what_the_box_has_wholly_is_pruned() -> None:
    same = work(source(snap(1), snap(2), bookmarks=[mark(2)]), replica(there(1), there(2)))
    behind = work(source(snap(1), snap(2)), replica(there(1)))
    known, rest = to_prune(PRUNING, todo(same, behind))
    assert rest == [same]
    assert [(each.code, each.subject) for each in known if isinstance(each, Notice)] == [("behind", "tank/home")]
    assert not any(isinstance(each, DatasetOutcome) for each in known)


def test_an_interrupted_receive_is_left_to_a_backup() -> None:
    same = work(source(snap(1), snap(2), bookmarks=[mark(2)]), replica(there(1), there(2)))
    assert isinstance(same.plan, UpToDate)
    pending = replace(same, plan=replace(same.plan, stale_token="1-a-b-c"))
    known, rest = to_prune(PRUNING, todo(pending))
    assert (len(known), rest) == (1, [])


def test_a_dataset_with_nothing_to_prune_costs_no_step() -> None:
    settled = work(source(snap(2), bookmarks=[mark(2)]), replica(there(2)))
    known, rest = to_prune(PRUNING, todo(settled))
    assert [each.state for each in known if isinstance(each, DatasetOutcome)] == [DatasetResult.UP_TO_DATE]
    assert rest == []
