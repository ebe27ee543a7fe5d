"""What is held while it is sent."""

from __future__ import annotations

from tests.planning.make import JOB, REPLICA, SOURCE, mark, replica, snap, source, there
from zoffsite.model.inventory import DatasetState, Inventory
from zoffsite.model.plan import Send
from zoffsite.model.work import SourceFacts
from zoffsite.planning.holds import AT_ONCE, held_by_anyone, hold_tag, to_hold, without_holds
from zoffsite.planning.sends import plan_sends


def names(*numbers: int) -> tuple[str, ...]:
    return tuple(snap(number).full_name for number in numbers)


def sends(here: DatasetState, there: DatasetState | None) -> Send:
    plan = plan_sends(JOB, here, there, None, REPLICA)
    assert isinstance(plan, Send)
    return plan


def test_the_base_and_all_that_is_sent_are_held() -> None:
    plan = sends(source(snap(1), snap(2), snap(3)), replica(there(1)))
    assert to_hold(plan) == names(1, 2, 3)


def test_a_full_send_has_no_base_to_hold_and_a_bookmark_cannot_be_held() -> None:
    assert to_hold(sends(source(snap(1), snap(2)), None)) == names(1, 2)
    from_bookmark = sends(source(snap(2), bookmarks=[mark(1)]), replica(there(1)))
    assert to_hold(from_bookmark) == names(2)


def test_of_a_long_chain_the_next_steps_are_held_and_what_they_start_from() -> None:
    plan = sends(source(*(snap(number) for number in range(1, 2 * AT_ONCE + 5))), replica(there(1)))
    assert to_hold(plan) == names(*range(1, AT_ONCE + 2))
    assert to_hold(plan, AT_ONCE) == names(*range(AT_ONCE + 1, 2 * AT_ONCE + 2))
    assert to_hold(plan, 2 * AT_ONCE) == names(*range(2 * AT_ONCE + 1, 2 * AT_ONCE + 5))


def test_the_tag_names_the_job() -> None:
    assert hold_tag(JOB) == "zoffsite-home"


def test_orphans_are_looked_for_only_where_something_is_held() -> None:
    state = source(snap(1, holds=2), snap(2), snap(3, holds=1))
    facts = SourceFacts(inventory=Inventory(host="source", datasets={SOURCE: state}), chosen=(state,), to_snapshot=())
    assert held_by_anyone(facts) == (snap(1, holds=2), snap(3, holds=1))
    (after,) = without_holds(facts, names(1)).chosen
    assert [snapshot.holds for snapshot in after.snapshots] == [1, 0, 1]
