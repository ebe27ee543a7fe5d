"""The last runs of a job, in a file that may be lost or broken."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.views.values import past
from zoffsite.history import MOST, past_runs, remember_run

START = datetime(2026, 11, 23, 3, tzinfo=UTC)


def test_what_was_remembered_comes_back_oldest_first(tmp_path: Path) -> None:
    runs = (past(started=START, free=7, used=3), past(started=START + timedelta(hours=1), good=False, verb="verify"))
    for each in runs:
        remember_run("home", each, tmp_path)
    assert past_runs("home", tmp_path) == runs
    assert past_runs("other", tmp_path) == ()


def test_a_year_of_hourly_runs_leaves_no_more_than_so_many_lines(tmp_path: Path) -> None:
    file = tmp_path / "history/home.jsonl"
    remember_run("home", past(started=START), tmp_path)
    file.write_text(file.read_text() * 365 * 24)
    newest = past(started=START + timedelta(days=365))
    remember_run("home", newest, tmp_path)
    kept = past_runs("home", tmp_path)
    assert (len(kept), kept[-1]) == (MOST, newest)


def test_a_line_that_is_broken_costs_itself_and_no_other(tmp_path: Path) -> None:
    for hour in range(3):
        remember_run("home", past(started=START + timedelta(hours=hour)), tmp_path)
    file = tmp_path / "history/home.jsonl"
    lines = file.read_text().splitlines()
    for broken in ("", "{", "[]", '{"started": 1}', lines[1].replace('"ok"', '"fine"'), lines[1][:-2]):
        file.write_text("\n".join((lines[0], broken, lines[2])))
        assert [each.started.hour for each in past_runs("home", tmp_path)] == [3, 5]


def test_a_place_that_cannot_be_written_costs_the_run_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "history").write_text("a file where a folder should be")
    remember_run("home", past(started=START), tmp_path)
    assert "could not be saved" in caplog.text


def test_only_the_user_may_read_it(tmp_path: Path) -> None:
    remember_run("home", replace(past(started=START)), tmp_path)
    assert (tmp_path / "history/home.jsonl").stat().st_mode & 0o777 == 0o600
