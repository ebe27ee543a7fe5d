"""What a send from a bookmark is worth, where the listing counts from an older snapshot."""

from __future__ import annotations

from typing import Any

from zoffsite.model.inventory import DatasetState
from zoffsite.model.plan import DatasetPlan, IncrementalSend, ResumeSend, Send
from zoffsite.model.version import NOT_TAKEN
from zoffsite.planning.sends import plan_sends
from zoffsite.planning.sizes import AT_MOST, measured, to_measure

from .make import JOB, REPLICA, mark, replica, snap, source, there, token

GIB = 1 << 30


def after_bookmark(**changes: Any) -> DatasetState:
    """The snapshot of the bookmark is gone: so the next is listed as all that there is."""
    return source(snap(2, written=GIB, **changes), snap(3), bookmarks=[mark(1)])


def planned(here: DatasetState) -> DatasetPlan:
    return plan_sends(JOB, here, replica(there(1)), None, REPLICA)


def test_only_a_first_step_from_a_bookmark_is_asked_of() -> None:
    plan = planned(after_bookmark())
    assert isinstance(plan, IncrementalSend)
    assert [step.written for step in plan.steps] == [None, 8]
    assert to_measure(plan) == plan.steps[0]
    assert to_measure(planned(source(snap(1), snap(2)))) is None
    assert to_measure(plan_sends(JOB, source(snap(1)), None, None, REPLICA)) is None
    assert to_measure(planned(source(snap(1)))) is None


def test_what_zfs_told_is_the_size_of_the_plan() -> None:
    plan = measured(planned(after_bookmark()), 70)
    assert isinstance(plan, Send)
    assert [(step.estimated_bytes, step.written) for step in plan.steps] == [(70, 70), (8, 8)]
    assert to_measure(plan) is None
    assert AT_MOST not in plan.reason


def test_what_is_resumed_has_its_whole_size_beside_what_is_left_of_it() -> None:
    half_there = replica(there(1), resume_token="1-a-b-c")
    plan = measured(plan_sends(JOB, after_bookmark(), half_there, token(2, base=1), REPLICA), 700)
    assert isinstance(plan, ResumeSend)
    assert [(step.estimated_bytes, step.written) for step in plan.steps] == [(77, 700), (8, 8)]


def test_a_snapshot_that_is_not_taken_yet_is_not_asked_of_and_the_plan_says_so() -> None:
    plan = planned(after_bookmark(guid=NOT_TAKEN))
    assert to_measure(plan) is None
    told = measured(plan, None)
    assert isinstance(told, Send)
    assert told.reason.endswith(AT_MOST)
    assert told.steps[0].estimated_bytes == GIB
