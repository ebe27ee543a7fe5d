"""What the box will hold after a plan."""

from __future__ import annotations

from tests.planning.make import JOB, REPLICA, replica, snap, source, there
from zoffsite.model.inventory import DatasetState
from zoffsite.model.work import Work
from zoffsite.planning.expectation import after_send
from zoffsite.planning.sends import plan_sends


def after(here: DatasetState, on_box: DatasetState | None) -> list[int] | None:
    work = Work(plan=plan_sends(JOB, here, on_box, None, REPLICA), source=here, replica=on_box)
    expected = after_send(work)
    return None if expected is None else [snapshot.guid for snapshot in expected.snapshots]


def test_a_full_send_brings_all_its_snapshots() -> None:
    assert after(source(snap(1), snap(2)), None) == [101, 102]


def test_an_incremental_adds_to_what_is_there() -> None:
    assert after(source(snap(1), snap(2)), replica(there(1))) == [101, 102]


def test_nothing_is_expected_of_a_conflict() -> None:
    assert after(source(snap(2)), replica(there(1))) is None
