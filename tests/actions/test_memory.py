"""Asking the ledger, and telling it: a real file, facts made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.planning.make import REPLICA, SOURCE, dataset, job, replica, snap, source, there
from tests.views.values import GOOD
from zoffsite.actions.memory import Record, ledger_of, let_go, note_left, notices_of, recall, remember_told, take_note
from zoffsite.actions.plan import expected_prunes
from zoffsite.model.errors import SafetyError
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job, Retention
from zoffsite.model.memory import OnBox
from zoffsite.model.notice import Notice
from zoffsite.model.plan import PrunePlan, ResumeSend, Send, SendStep, Side
from zoffsite.model.proof import Provable, StreamDigest
from zoffsite.model.work import Work
from zoffsite.planning.memory import lost, memory_of
from zoffsite.planning.retention import plan_both_prunes
from zoffsite.planning.sends import plan_sends

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
ALARM = Notice(code="mostly-freed", subject=SOURCE, message="@x has 1 KiB left", remedy="look", alert=True)
HERE, BOX = source(snap(1), snap(2), snap(3)), replica(there(1), there(2))


@pytest.fixture
def kept(tmp_path: Path) -> Job:
    return job(ledger=tmp_path / "ledger.sqlite", keep_box=Retention(last=1), keep_source=Retention(last=1))


@pytest.fixture
def broken(kept: Job) -> Job:
    kept.ledger.write_bytes(b"this is no database" * 1000)
    return kept


def work_of(kept: Job, box: DatasetState | None = BOX, raised: tuple[Notice, ...] = ()) -> Work:
    plan = plan_sends(kept, HERE, box, None, REPLICA)
    known = recall(kept)[0]
    memory = None if known is None else memory_of(known, HERE, REPLICA, box)
    return Work(plan=plan, source=HERE, replica=box, memory=memory, raised=raised)


def test_what_both_sides_have_is_known_from_the_first_run_on(kept: Job) -> None:
    take_note(kept, [work_of(kept)])
    memory = work_of(kept).memory
    assert memory is not None
    assert [each.guid for each in memory.on_box] == [101, 102]


def test_an_alarm_stands_before_anything_is_sent(kept: Job) -> None:
    take_note(kept, [work_of(kept, raised=(ALARM,))])
    work = work_of(kept)
    assert [(notice.code, notice.alert) for notice in notices_of(kept, work)] == [("mostly-freed", True)]
    assert not work.prunable


def test_a_loss_is_told_until_it_was_told_and_then_only_stands(kept: Job) -> None:
    ledger_of(kept).seen([(dataset(), REPLICA, OnBox(name="lost", guid=77))])
    loss = replace(ALARM, code="snapshots-lost")
    take_note(kept, [work_of(kept, raised=(loss,))])
    work = work_of(kept)
    assert work.memory is not None
    assert 77 not in [each.guid for each in work.memory.on_box]
    (notice,) = notices_of(kept, work)
    assert notice.alert
    remember_told(kept, replace(GOOD, notices=(notice,)))
    (notice,) = notices_of(kept, work_of(kept))
    assert not notice.alert


def test_a_report_without_alerts_leaves_an_alarm_untold(kept: Job) -> None:
    take_note(kept, [work_of(kept, raised=(ALARM,))])
    remember_told(kept, replace(GOOD, notices=(replace(ALARM, alert=False),)))
    assert [notice.alert for notice in notices_of(kept, work_of(kept))] == [True]


def test_while_an_alarm_stands_nothing_is_let_go(kept: Job) -> None:
    prunes = plan_both_prunes(kept, HERE, BOX, NOW)
    assert any(prune.destroy for prune in prunes)
    take_note(kept, [work_of(kept, raised=(ALARM,))])
    assert not let_go(kept, SOURCE, prunes)
    ledger_of(kept).acknowledge(SOURCE)
    assert let_go(kept, SOURCE, prunes)


def test_what_was_let_go_is_not_missed_on_the_box(kept: Job) -> None:
    take_note(kept, [work_of(kept)])
    assert let_go(kept, SOURCE, plan_both_prunes(kept, HERE, BOX, NOW))
    memory = work_of(kept).memory
    assert memory is not None
    assert [each.guid for each in memory.on_box] == [102]


def box_prune(kept: Job) -> PrunePlan:
    return next(each for each in plan_both_prunes(kept, HERE, BOX, NOW) if each.side is Side.BOX)


def expected_on_box(kept: Job, box: DatasetState = BOX) -> list[int]:
    memory = work_of(kept, box).memory
    assert memory is not None
    return [each.guid for each in memory.on_box]


def test_what_the_box_keeps_though_we_asked_is_missed_when_it_is_lost_later(kept: Job) -> None:
    take_note(kept, [work_of(kept)])
    keep_a_challenge(kept)
    prune = box_prune(kept)
    assert let_go(kept, SOURCE, [prune])
    assert note_left(kept, prune, kept={prune.destroy[0].name, "not asked for"}) == 0
    assert expected_on_box(kept) == [101, 102]
    assert ledger_of(kept).challenges(), "it can still be proved"
    assert let_go(kept, SOURCE, [prune])
    assert note_left(kept, prune, kept=()) == 1
    assert expected_on_box(kept) == [102]
    assert not ledger_of(kept).challenges()
    assert 101 in ledger_of(kept).guids()


@pytest.mark.parametrize("went", [True, False])
def test_a_run_that_was_killed_while_the_box_pruned_is_caught_up_with_by_what_is_there(kept: Job, went: bool) -> None:
    take_note(kept, [work_of(kept)])
    keep_a_challenge(kept)
    assert let_go(kept, SOURCE, [box_prune(kept)])
    box = replica(there(2)) if went else BOX
    pruned_here = source(snap(2), snap(3))
    later = replace(work_of(kept, box), source=pruned_here)
    assert later.memory is not None
    assert lost(kept, SOURCE, box, later.memory) is None
    take_note(kept, [later])
    assert expected_on_box(kept) == ([102] if went else [101, 102])
    assert bool(ledger_of(kept).challenges()) is not went


def keep_a_challenge(kept: Job) -> None:
    ours = SendStep(base=None, to=snap(1), estimated_bytes=1)
    each = Provable(dataset=SOURCE, replica=REPLICA, ours=ours, theirs=ours, proved=None, newest=False)
    ledger_of(kept).keep_challenge(each, b"n", StreamDigest(digest="d", toguid=101, fromguid=0, bytes=1))


def test_the_plan_prunes_nothing_of_what_raises_an_alarm_or_where_nobody_can_know(kept: Job) -> None:
    assert any(prune.destroy for prune in expected_prunes(kept, work_of(kept), NOW))
    assert expected_prunes(kept, work_of(kept, raised=(ALARM,)), NOW) == ()
    assert expected_prunes(kept, replace(work_of(kept), memory=None), NOW) == ()


def test_an_unreadable_ledger_is_an_alert_and_stops_pruning_only(broken: Job) -> None:
    memory, (notice,) = recall(broken)
    assert memory is None
    assert (notice.code, notice.alert) == ("ledger-unreadable", True)
    work = work_of(broken, raised=(ALARM,))
    take_note(broken, [work])
    remember_told(broken, replace(GOOD, notices=(ALARM,)))
    assert not let_go(broken, SOURCE, plan_both_prunes(broken, HERE, BOX, NOW))
    record = Record(broken, work)
    assert isinstance(work.plan, Send)
    record.check_key(work.plan.steps[0], "aa", resumed=False)
    record.sent(work.plan.steps[0], 1, 1.0)
    assert record.notices == ()  # it was said with the plan


def test_a_ledger_that_breaks_during_the_run_is_said_once(kept: Job) -> None:
    work = work_of(kept)
    kept.ledger.write_bytes(b"this is no database" * 1000)
    record = Record(kept, work)
    assert isinstance(work.plan, Send)
    record.check_key(work.plan.steps[0], "aa", resumed=False)
    record.sent(work.plan.steps[0], 1, 1.0)
    assert [notice.code for notice in record.notices] == ["ledger-unreadable"]


def checked(kept: Job, work: Work, key: str) -> str:
    """What becomes of the first step of `work` when it brings this key."""
    assert isinstance(work.plan, Send)
    try:
        Record(kept, work).check_key(work.plan.steps[0], key, resumed=isinstance(work.plan, ResumeSend))
    except SafetyError as error:
        assert error.remedy.endswith(f"zoffsite approve-key {SOURCE} --job home")
        return error.code
    return "may leave"


def test_the_first_key_is_trusted_and_another_one_held_back_until_the_replica_begins_anew(kept: Job) -> None:
    assert checked(kept, work_of(kept), "aa") == "may leave"
    assert checked(kept, work_of(kept), "aa") == "may leave"
    assert checked(kept, work_of(kept), "bb") == "key-changed"
    assert checked(kept, work_of(kept, box=None), "bb") == "may leave"
    assert checked(kept, work_of(kept), "aa") == "key-changed"


def test_the_rest_of_a_first_send_must_bring_the_key_that_its_beginning_brought(kept: Job) -> None:
    first = work_of(kept, box=None)
    assert checked(kept, first, "aa") == "may leave"
    assert isinstance(first.plan, Send)
    resumed = ResumeSend(source=SOURCE, replica=REPLICA, token="1-a-b-c", steps=first.plan.steps, reason="")
    assert checked(kept, replace(first, plan=resumed), "bb") == "key-changed"
    record = Record(kept, first)
    with pytest.raises(SafetyError):
        record.check_key(first.plan.steps[1], "bb", resumed=False)


def test_every_step_is_written_down_with_its_size_and_key(kept: Job) -> None:
    work = work_of(kept)
    assert isinstance(work.plan, Send)
    record = Record(kept, work)
    record.check_key(work.plan.steps[0], "aa", resumed=False)
    record.sent(work.plan.steps[0], 9, 1.5)
    memory = work_of(kept).memory
    assert memory is not None
    assert (memory.key, memory.dataset_guid) == ("aa", 1)
    assert [each.guid for each in memory.on_box] == [103]
    assert memory.increments == (8,)


@pytest.mark.parametrize("before", ["vault/box/tank:old", REPLICA])
def test_what_is_known_follows_a_dataset_that_was_renamed_on_one_side_or_both(kept: Job, before: str) -> None:
    ledger = ledger_of(kept)
    ledger.trust(before, "tank/old", 1, "aa", anew=False)
    ledger.seen([(dataset("tank/old"), before, OnBox(name=there(2).name, guid=102))])
    ledger.raise_alarms([replace(ALARM, subject="tank/old")])
    work = work_of(kept)
    assert [notice.subject for notice in notices_of(kept, work)] == [SOURCE]
    take_note(kept, [work])
    memory = ledger.recall()
    assert list(memory.replicas) == [REPLICA]
    assert (memory.replicas[REPLICA].key, memory.replicas[REPLICA].dataset) == ("aa", SOURCE)
    assert {each.guid for each in memory.replicas[REPLICA].on_box} == {101, 102}
    assert list(memory.alarms) == [SOURCE]
    assert checked(kept, work, "bb") == "key-changed"
