from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from zoffsite.model.report import DatasetResult
from zoffsite.views.messages import (
    LONGEST_TEXT,
    MOST_ERRORS,
    alert_message,
    failure_message,
    recovery_message,
    trial_message,
)

from .values import ALERT, ERROR, FAILED, GOOD, MIXED, NOTED, NOTICE, PARTIAL, STARTED, STOPPED


def test_a_failure_says_what_failed_why_and_what_to_do() -> None:
    message = failure_message(PARTIAL)
    assert message.title == "zoffsite home: 1 of 2 datasets failed"
    stale = "No run is known that backed it up well."
    assert f"tank/b: send tank/b: no byte moved\n{stale}\nNext: zoffsite backup" in message.body
    assert "tank/a" not in message.body
    assert "zoffsite status --job home" in message.body


def test_a_title_tells_refused_and_in_conflict_from_failed() -> None:
    assert failure_message(MIXED).title == "zoffsite home: 1 of 5 datasets failed, 2 refused, 1 in conflict"
    alone = replace(GOOD, datasets=(replace(FAILED, state=DatasetResult.REFUSED),))
    assert failure_message(alone).title == "zoffsite home: 1 of 1 datasets refused"


def test_a_failure_says_since_when_only_if_it_is_not_the_first() -> None:
    assert "Something has been failing since 2026-11-20" in failure_message(PARTIAL, STARTED - timedelta(days=3)).body
    assert "since" not in failure_message(PARTIAL, STARTED).body
    assert "since" not in failure_message(PARTIAL).body


def test_a_failure_says_since_when_what_the_box_holds_is_stale() -> None:
    good = {"tank/b": STARTED - timedelta(hours=50), "tank/a": STARTED - timedelta(days=9)}
    body = failure_message(PARTIAL, None, good).body
    assert "Last backed up well: 2026-11-21 01:00:05 UTC, 2 days 2 h before this run." in body
    assert "2026-11-14" not in body


def test_a_run_that_stopped_before_its_datasets_says_which_one_waits_longest() -> None:
    good = {"tank/b": STARTED - timedelta(hours=26), "tank/a": STARTED - timedelta(days=9)}
    body = failure_message(STOPPED, None, good).body
    assert "tank/a is the one that waits longest. Last backed up well: 2026-11-14 03:00:05 UTC" in body


def test_a_run_that_stopped_as_a_whole_says_why() -> None:
    message = failure_message(STOPPED)
    assert message.title == "zoffsite home: backup failed"
    assert "job home: send tank/b: no byte moved" in message.body


def test_a_recovery_says_that_all_is_well_and_since_when_it_was_not() -> None:
    message = recovery_message(GOOD, STARTED - timedelta(days=3))
    assert message.title == "zoffsite home: backup works again"
    assert "its dataset is good; 3.0 MiB were sent" in message.body
    assert "It had failed since 2026-11-20 03:00:05 UTC" in message.body


def test_an_alert_of_a_good_run_names_what_to_look_at_and_nothing_else() -> None:
    message = alert_message(NOTED)
    assert message.title == "zoffsite home: look at tank/a"
    assert "tank/a: ten times as much as usual\nNext: look at it" in message.body
    assert NOTICE.subject not in message.body


def test_of_many_alerts_the_rest_is_counted() -> None:
    message = alert_message(replace(GOOD, notices=(ALERT,) * (MOST_ERRORS + 3)))
    assert message.title == f"zoffsite home: look at {MOST_ERRORS + 3} things"
    assert message.body.count("ten times as much") == MOST_ERRORS
    assert "… and 3 more." in message.body


def test_an_alert_is_not_lost_in_a_failure_nor_in_a_recovery() -> None:
    failed = replace(NOTED, datasets=(*NOTED.datasets, FAILED))
    assert "ten times as much" in failure_message(failed).body
    assert "ten times as much" in recovery_message(NOTED).body


def test_a_trial_does_not_look_like_a_failure() -> None:
    assert "Nothing has failed" in trial_message("home").body


def test_many_and_long_errors_stay_readable() -> None:
    endless = replace(FAILED, error=replace(ERROR, message="x" * 100_000))
    body = failure_message(replace(GOOD, datasets=(endless,) * 50)).body
    assert f"and {50 - MOST_ERRORS} more" in body
    assert len(body) < (MOST_ERRORS + 2) * (LONGEST_TEXT + 100)


def test_control_characters_of_the_box_reach_nobodys_terminal() -> None:
    hostile = replace(FAILED, error=replace(ERROR, message="\x1b]0;owned\x07 a\x00b\r\nSubject: x"))
    message = failure_message(replace(GOOD, datasets=(hostile,)))
    assert all(char.isprintable() or char == "\n" for char in message.body)
    assert "\nSubject" not in message.body
    assert "\n" not in message.title


def test_a_verification_is_called_so_and_its_commands_name_the_job() -> None:
    message = failure_message(replace(STOPPED, job="home.verify"))
    assert message.title == "zoffsite home.verify: verify failed"
    assert "zoffsite status --job home" in message.body.splitlines()[-1]
    assert recovery_message(replace(GOOD, job="home.verify")).title == "zoffsite home.verify: verify works again"
