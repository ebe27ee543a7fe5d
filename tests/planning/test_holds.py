"""What is held while it is sent."""

from __future__ import annotations

from tests.planning.make import JOB, REPLICA, SOURCE, mark, replica, snap, source, there
from zoffsite.model.inventory import Inventory
from zoffsite.model.work import SourceFacts
from zoffsite.planning.holds import held_by_anyone, hold_tag, to_hold, without_holds
from zoffsite.planning.sends import plan_sends


def names(*numbers: int) -> tuple[str, ...]:
    return tuple(snap(number).full_name for number in numbers)


def test_the_base_and_all_that_is_sent_are_held() -> None:
    plan = plan_sends(JOB, source(snap(1), snap(2), snap(3)), replica(there(1)), None, REPLICA)
    assert to_hold(plan) == names(1, 2, 3)


def test_a_full_send_has_no_base_to_hold_and_a_bookmark_cannot_be_held() -> None:
    assert to_hold(plan_sends(JOB, source(snap(1), snap(2)), None, None, REPLICA)) == names(1, 2)
    from_bookmark = plan_sends(JOB, source(snap(2), bookmarks=[mark(1)]), replica(there(1)), None, REPLICA)
    assert to_hold(from_bookmark) == names(2)


def test_where_nothing_is_sent_nothing_is_held() -> None:
    assert to_hold(plan_sends(JOB, source(snap(1)), replica(there(1)), None, REPLICA)) == ()
    assert to_hold(plan_sends(JOB, source(snap(2)), replica(there(1)), None, REPLICA)) == ()


def test_the_tag_names_the_job() -> None:
    assert hold_tag(JOB) == "zoffsite-home"


def test_orphans_are_looked_for_only_where_something_is_held() -> None:
    state = source(snap(1, holds=2), snap(2), snap(3, holds=1))
    facts = SourceFacts(inventory=Inventory(host="source", datasets={SOURCE: state}), chosen=(state,), to_snapshot=())
    assert held_by_anyone(facts) == names(1, 3)
    (after,) = without_holds(facts, names(1)).chosen
    assert [snapshot.holds for snapshot in after.snapshots] == [1, 0, 1]
