"""Holding around a send, with a stand-in for zfs."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from tests.hosts.test_endpoint import Stand, stand
from tests.planning.make import JOB, REPLICA, SOURCE, mark, replica, snap, source, there
from zoffsite.actions.holds import held, release_orphans
from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import OperationError
from zoffsite.model.inventory import Inventory
from zoffsite.model.plan import Send
from zoffsite.model.work import SourceFacts, Work
from zoffsite.planning.sends import plan_sends

__all__ = ["stand"]
HERE, THERE = source(snap(1), snap(2), bookmarks=[mark(1)]), replica(there(1))
PLAN = plan_sends(JOB, HERE, THERE, None, REPLICA)
WORK = Work(plan=PLAN, source=HERE, replica=THERE)
NAMES = f"zoffsite-home {snap(1).full_name} {snap(2).full_name}"


def held_now() -> AbstractContextManager[object]:
    assert isinstance(PLAN, Send)
    return held(JOB, WORK, PLAN, Connections())


def test_what_is_held_is_released_after_the_block_and_after_an_error_in_it(stand: Stand) -> None:
    stand.says()
    with held_now():
        assert stand.calls == [f"zfs hold {NAMES}"]
    assert stand.calls == [f"zfs hold {NAMES}", f"zfs release {NAMES}"]
    with pytest.raises(ZeroDivisionError), held_now():
        raise ZeroDivisionError
    assert stand.calls[2:] == stand.calls[:2]


def test_what_is_gone_before_it_is_held_can_be_planned_anew_and_leaves_no_hold(stand: Stand) -> None:
    stand.says(err=f"cannot hold snapshot '{snap(1).full_name}': dataset does not exist", code=1)
    with pytest.raises(OperationError) as caught, held_now():
        pytest.fail("it was sent")
    assert (caught.value.code, caught.value.transient) == ("plan-outdated", True)
    assert stand.calls[-1] == f"zfs release {NAMES}"


def test_who_may_not_hold_is_told_that_and_nothing_of_a_release(stand: Stand, caplog: pytest.LogCaptureFixture) -> None:
    stand.says(err="cannot hold: permission denied", code=1)
    with pytest.raises(OperationError) as caught, held_now():
        pytest.fail("it was sent")
    assert caught.value.code == "not-permitted"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_release_that_fails_does_not_hide_how_the_send_ended(stand: Stand, caplog: pytest.LogCaptureFixture) -> None:
    stand.says()
    with pytest.raises(ZeroDivisionError), held_now():
        stand.says(err="cannot release: I/O error", code=1)
        raise ZeroDivisionError
    assert "left to the next run to release" in caplog.text


def facts(holds: int) -> SourceFacts:
    state = source(snap(1, holds=holds), snap(2))
    return SourceFacts(inventory=Inventory(host="nas", datasets={SOURCE: state}), chosen=(state,), to_snapshot=())


def test_where_nobody_holds_anything_no_process_looks(stand: Stand) -> None:
    stand.says()
    assert release_orphans(JOB, facts(0), Connections()) == facts(0)
    assert stand.calls == []


def test_only_holds_of_this_very_job_are_released(stand: Stand) -> None:
    tags = ("keep", "zoffsite-home-two", "zoffsite-hom", "zoffsite-home")
    stand.says("".join(f"{snap(1).full_name}\t{tag}\tMon Nov 23 04:50 2026\n" for tag in tags))
    after = release_orphans(JOB, facts(4), Connections())
    assert stand.calls == [
        f"zfs holds -H {snap(1).full_name}",
        f"zfs bookmark {snap(1).full_name} {mark(1).full_name}",
        f"zfs release zoffsite-home {snap(1).full_name}",
    ]
    (state,) = after.chosen
    assert (state.snapshots[0].holds, state.bookmarks) == (3, (mark(1),))


def test_an_orphan_that_has_its_bookmark_is_only_released(stand: Stand) -> None:
    state = replace(source(snap(1, holds=1), snap(2)), bookmarks=(mark(1),))
    seen = replace(facts(1), inventory=Inventory(host="nas", datasets={SOURCE: state}), chosen=(state,))
    stand.says(f"{snap(1).full_name}\tzoffsite-home\tMon Nov 23 04:50 2026\n")
    assert release_orphans(JOB, seen, Connections()).chosen[0].bookmarks == (mark(1),)
    assert [call.split()[1] for call in stand.calls] == ["holds", "release"]


def test_orphans_that_cannot_be_looked_for_stop_no_run_but_are_said(stand: Stand) -> None:
    stand.says(err="cannot open: I/O error", code=1)
    after = release_orphans(JOB, facts(1), Connections())
    assert [notice.code for notice in after.notices] == ["orphan-holds"]
    assert after.chosen == facts(1).chosen
