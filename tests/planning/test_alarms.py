"""What is far beyond a dataset's own habit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Alarm
from zoffsite.model.memory import Arrived, Remembered, StandingAlarm
from zoffsite.model.notice import Notice
from zoffsite.planning.alarms import alarms, unusual, usual
from zoffsite.planning.sends import plan_sends

from .make import REPLICA, SOURCE, job, mark, replica, snap, source, there, token

MIB = 1 << 20
JOB = job(alarm=Alarm(at_least=MIB, factor=10.0, freed=0.5))
HABIT = [MIB // 2, MIB, MIB // 4]
"""Usual is 1 MiB, so an alarm is more than 10."""


def found(
    here: DatasetState, there_: DatasetState | None, increments: list[int], resume: int | None = None
) -> tuple[Notice, ...]:
    pending = None if resume is None else token(resume, base=1)
    return unusual(JOB, plan_sends(JOB, here, there_, pending, REPLICA), here, there_, increments)


def grown(written: int, referenced: int = 100 * MIB) -> DatasetState:
    """A second snapshot of so many bytes."""
    return source(snap(1, referenced=100 * MIB), snap(2, written=written, referenced=referenced))


BOX = replica(there(1, referenced=100 * MIB))


def test_an_increment_far_beyond_the_habit_is_an_alarm_that_says_both_sizes() -> None:
    (notice,) = found(grown(10 * MIB + 1), BOX, HABIT)
    assert (notice.code, notice.subject, notice.alert) == ("unusual-increment", SOURCE, True)
    assert "10.0 MiB" in notice.message
    assert "1.0 MiB" in notice.message
    assert notice.remedy.endswith(f"zoffsite acknowledge {SOURCE} --job home")


def test_an_increment_within_the_habit_is_none() -> None:
    assert found(grown(10 * MIB), BOX, HABIT) == ()


def test_a_small_increment_is_none_however_small_the_habit() -> None:
    assert found(grown(MIB - 1), BOX, [0, 0, 0]) == ()
    assert found(grown(MIB), BOX, [0, 0, 0]) != ()


def test_two_increments_are_no_habit_yet() -> None:
    assert found(grown(90 * MIB), BOX, HABIT[:2]) == ()


def test_a_full_send_has_nothing_to_be_compared_with() -> None:
    assert found(grown(90 * MIB, referenced=0), None, HABIT) == ()


def test_what_is_resumed_is_judged_whole_and_not_by_what_is_left_of_it() -> None:
    half_there = replica(there(1, referenced=100 * MIB), resume_token="1-a-b-c")
    (notice,) = found(grown(90 * MIB), half_there, HABIT, resume=2)
    assert notice.code == "unusual-increment"


def test_snapshots_that_do_not_travel_count_for_the_one_that_takes_their_data_along() -> None:
    here = source(snap(1), snap(2, ours=False, written=11 * MIB), snap(3, written=1))
    ours = job(alarm=JOB.alarm, selection="ours")
    plan = plan_sends(ours, here, replica(there(1)), None, REPLICA)
    assert [notice.code for notice in unusual(ours, plan, here, replica(there(1)), HABIT)] == ["unusual-increment"]


def test_a_wiped_dataset_is_an_alarm_without_any_habit() -> None:
    (notice,) = found(grown(100, referenced=49 * MIB), BOX, [])
    assert (notice.code, notice.alert) == ("mostly-freed", True)
    assert "49.0 MiB left of 100.0 MiB" in notice.message
    assert found(grown(100, referenced=50 * MIB), BOX, []) == ()


def test_a_dataset_wiped_in_many_small_steps_of_one_run_is_an_alarm_too() -> None:
    here = source(*(snap(number, written=1, referenced=(100 - 20 * number) * MIB) for number in range(1, 5)))
    (notice,) = found(here, replica(there(1)), [])
    assert notice.code == "mostly-freed"


def test_a_few_blocks_that_an_empty_dataset_frees_are_none() -> None:
    here = source(snap(1, referenced=MIB), snap(2, written=1, referenced=1))
    assert found(here, replica(there(1)), []) == ()


def test_the_box_is_asked_for_the_size_only_where_the_source_has_no_more_than_a_bookmark() -> None:
    here = source(snap(2, written=100, referenced=10 * MIB), bookmarks=[mark(1)])
    (notice,) = found(here, BOX, [])
    assert notice.code == "mostly-freed"
    liar = replica(there(1, referenced=0))
    assert found(grown(100, referenced=10 * MIB), liar, [])


def test_both_at_once_are_two_alarms_and_many_steps_of_one_kind_are_one() -> None:
    here = source(
        snap(1, referenced=100 * MIB),
        snap(2, written=50 * MIB, referenced=MIB),
        snap(3, written=60 * MIB, referenced=MIB),
    )
    notices = found(here, BOX, HABIT)
    assert [notice.code for notice in notices] == ["unusual-increment", "mostly-freed"]
    assert snap(2).name in notices[0].message


@pytest.mark.parametrize(
    ("increments", "expected"),
    [
        ([], None),
        ([1, 2], None),
        ([1, 3, 2], 3),
        ([9, 1, 1, 1], 9),
        ([9, 1, 2, 1, 1], 2),
        ([1] * 26 + [9] * 4, 9),
        ([1] * 27 + [9] * 3, 1),
    ],
)
def test_what_is_usual_is_the_largest_but_for_what_happened_once(increments: list[int], expected: int | None) -> None:
    assert usual(increments) == expected


def test_an_alarm_that_stands_is_not_raised_again_but_another_one_is() -> None:
    here, box = grown(11 * MIB), replica(there(1))
    plan = plan_sends(JOB, here, box, None, REPLICA)
    memory = Remembered(increments=tuple(HABIT), on_box=Arrived(["gone"], [77]))
    assert [each.code for each in alarms(JOB, plan, here, box, memory)] == ["replica-rolled-back", "unusual-increment"]
    standing = StandingAlarm(code="unusual-increment", message="", raised=datetime(2026, 1, 1, tzinfo=UTC), told=True)
    memory = replace(memory, alarms=(standing,))
    assert [each.code for each in alarms(JOB, plan, here, box, memory)] == ["replica-rolled-back"]
