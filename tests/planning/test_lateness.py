"""A machine that was off: one run makes up for all that were missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.views.values import past
from zoffsite.planning.lateness import LATE, made_up_by

DUE = datetime(2026, 11, 23, 3, tzinfo=UTC)
BACK = DUE + timedelta(hours=5)


def test_of_runs_missed_on_seven_days_the_first_is_run_and_it_makes_up_for_the_others() -> None:
    days = [DUE - timedelta(days=number) for number in range(7, 0, -1)]
    known = [past(started=days[0] - timedelta(days=1))]
    done = list[datetime]()
    for due in days:
        if made_up_by(due, BACK, "backup", known) is None:
            done.append(due)
            known.append(past(started=BACK))
    assert done == days[:1]


def test_a_run_in_time_is_never_skipped_whatever_ran_a_moment_ago() -> None:
    assert made_up_by(DUE, DUE + LATE - timedelta(seconds=1), "backup", [past(started=DUE)]) is None


def test_a_late_run_that_nothing_has_made_up_for_is_run() -> None:
    assert made_up_by(DUE, BACK, "backup", []) is None
    assert made_up_by(DUE, BACK, "backup", [past(started=DUE - timedelta(seconds=1))]) is None


def test_neither_another_kind_of_run_nor_one_of_some_datasets_makes_up_for_a_late_one() -> None:
    others = [past(started=BACK, verb="verify"), past(started=BACK, whole=False)]
    assert made_up_by(DUE, BACK, "backup", others) is None


def test_a_run_that_failed_has_made_up_for_it_too_for_it_was_tried_and_reported() -> None:
    failed = past(started=BACK, good=False)
    assert made_up_by(DUE, BACK, "backup", [failed]) is failed
