"""What ledger and listings say together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from zoffsite.model.memory import Arrived, Memory, OnBox, Remembered, StandingAlarm
from zoffsite.model.plan import Conflict, DatasetPlan, FullSend, Refused
from zoffsite.planning.memory import (
    another_source,
    lost,
    memory_of,
    missing_of,
    standing_notices,
    under_root,
    unremembered,
)
from zoffsite.planning.sends import plan_sends

from .make import JOB, REPLICA, SOURCE, mark, replica, snap, source, there, token


def on_box(*numbers: int) -> tuple[OnBox, ...]:
    return tuple(OnBox(name=there(number).name, guid=there(number).guid) for number in numbers)


def arrived(*numbers: int) -> Arrived:
    return Arrived.of(on_box(*numbers))


KNOWN = Remembered(dataset_guid=1, key="aa", on_box=arrived(1, 2, 3))


def test_a_box_that_has_what_it_had_raises_nothing() -> None:
    assert lost(JOB, SOURCE, replica(there(1), there(2), there(3)), KNOWN) is None
    assert lost(JOB, SOURCE, replica(there(1), there(2), there(3), there(4)), KNOWN) is None
    assert lost(JOB, SOURCE, None, Remembered()) is None


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        (None, "replica-lost", "nothing left"),
        (replica(), "replica-lost", "nothing left"),
        (replica(there(1), there(2)), "replica-rolled-back", f"set back to @{there(2).name}"),
        (replica(there(1)), "replica-rolled-back", f"@{there(2).name}, @{there(3).name}"),
        (replica(there(1), there(3)), "snapshots-lost", f"lost @{there(2).name}, "),
        (replica(there(3)), "snapshots-lost", f"@{there(1).name}, @{there(2).name}"),
        (replica(there(1), there(2), there(3, guid=77)), "replica-rolled-back", f"received @{there(3).name}"),
    ],
)
def test_what_the_box_has_lost_is_an_alarm_that_names_it(state: object, code: str, words: str) -> None:
    notice = lost(JOB, SOURCE, state, KNOWN)  # type: ignore[arg-type]
    assert notice is not None
    assert (notice.code, notice.subject, notice.alert) == (code, SOURCE, True)
    assert words in notice.message
    assert notice.remedy.endswith(f"zoffsite acknowledge {SOURCE} --job home")


def test_what_is_missing_is_told_by_guid_and_not_by_name() -> None:
    assert missing_of(replica(there(1, name="renamed"), there(2), there(3, guid=9)), KNOWN) == on_box(3)


INCREMENTAL = plan_sends(JOB, source(snap(1), snap(2)), replica(there(1)), None, REPLICA)
UP_TO_DATE = plan_sends(JOB, source(snap(1)), replica(there(1)), None, REPLICA)
RESUME = plan_sends(JOB, source(snap(1), snap(2)), replica(there(1), resume_token="1-a-b-c"), token(2, base=1), REPLICA)
FULL = plan_sends(JOB, source(snap(1)), None, None, REPLICA)
DIVERGED = plan_sends(JOB, source(snap(1)), replica(there(2)), None, REPLICA)


@pytest.mark.parametrize("plan", [INCREMENTAL, UP_TO_DATE, RESUME])
def test_another_dataset_in_the_place_of_the_one_that_was_backed_up_is_refused(plan: DatasetPlan) -> None:
    refused = another_source(JOB, plan, source(snap(1), snap(2)), replace(KNOWN, dataset_guid=99))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.source, refused.replica) == ("another-source", SOURCE, REPLICA)
    assert refused.remedy.endswith(f"zoffsite approve-key {SOURCE} --job home")
    assert another_source(JOB, plan, source(snap(1), snap(2)), KNOWN) is None
    assert another_source(JOB, plan, source(snap(1), snap(2)), Remembered()) is None


@pytest.mark.parametrize(("plan", "kind"), [(FULL, FullSend), (DIVERGED, Conflict)])
def test_a_new_replica_may_begin_and_a_conflict_speaks_for_itself(plan: DatasetPlan, kind: type[object]) -> None:
    assert isinstance(plan, kind)
    assert another_source(JOB, plan, source(snap(1)), replace(KNOWN, dataset_guid=99)) is None


OLD = replace(KNOWN, dataset="tank/old", replica="vault/box/tank:old")


def test_what_is_known_is_found_by_guids_where_both_were_renamed() -> None:
    memory = Memory(replicas={OLD.replica: OLD})
    assert memory_of(memory, source(snap(3)), REPLICA, replica(there(3))) == OLD
    assert memory_of(memory, source(snap(3), guid=2), REPLICA, replica(there(3))) == Remembered()
    assert memory_of(memory, source(snap(3)), REPLICA, replica(there(4))) == Remembered()
    assert memory_of(memory, source(snap(3)), REPLICA, None) == Remembered()


def test_the_name_comes_before_the_guid() -> None:
    memory = Memory(replicas={OLD.replica: OLD, REPLICA: replace(KNOWN, replica=REPLICA, dataset_guid=99)})
    assert memory_of(memory, source(snap(3)), REPLICA, replica(there(3))).dataset_guid == 99


def test_only_what_both_sides_have_is_taken_over_into_the_memory() -> None:
    here = source(snap(2), snap(4), bookmarks=[mark(1)])
    state = replica(there(1), there(2), there(3), there(4))
    assert unremembered(here, state, Remembered(on_box=arrived(2))) == on_box(1, 4)
    assert unremembered(here, None, Remembered()) == ()


def test_a_standing_alarm_says_since_when_and_alerts_until_somebody_was_told() -> None:
    alarm = StandingAlarm(
        code="mostly-freed", message="@x has 1 KiB left", raised=datetime(2026, 11, 23, 3, 4, tzinfo=UTC), told=False
    )
    (notice,) = standing_notices(JOB, SOURCE, Remembered(alarms=(alarm,)))
    assert notice.message.startswith("@x has 1 KiB left (since 2026-11-23 03:04 UTC")
    assert (notice.code, notice.subject, notice.alert) == ("mostly-freed", SOURCE, True)
    (notice,) = standing_notices(JOB, SOURCE, Remembered(alarms=(replace(alarm, told=True),)))
    assert not notice.alert


def test_what_is_known_of_replicas_holds_for_them_on_a_pool_of_another_name() -> None:
    other = replace(KNOWN, key="bb")
    memory = Memory(
        replicas={"vault/box/tank:home": KNOWN, "carried/box/tank:work": other, "vault/box/tank:work": KNOWN}
    )
    moved = under_root(memory, "carried/box").replicas
    assert moved["carried/box/tank:home"] == KNOWN
    assert moved["carried/box/tank:work"] == other
