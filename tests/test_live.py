"""A run under way, seen from elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.views.values import STARTED
from zoffsite import live as module
from zoffsite.actions.progress import log_progress, shown_on_board
from zoffsite.live import DEAD, Board, board_of, on_board, read_live
from zoffsite.model.overview import LiveRun


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0.01)


def seen(directory: Path, until: Callable[[LiveRun], bool]) -> LiveRun:
    """The run, once it is as expected; fails after ten seconds."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        live = read_live("home", directory, datetime.now(UTC))
        if live is not None and until(live):
            return live
    raise AssertionError("it never came")


def test_a_run_shows_its_transfers_while_they_go_on_and_nothing_after_it(tmp_path: Path) -> None:
    assert read_live("home", tmp_path, datetime.now(UTC)) is None
    with on_board("home", "brave-otter", STARTED, tmp_path) as board:
        first = seen(tmp_path, lambda live: True)
        assert (first.run, first.started, first.step) == ("brave-otter", STARTED, "looking at both sides")
        progress = shown_on_board("home", log_progress())
        progress.start("tank/a", 100)
        progress.advance("tank/a", 25)
        live = seen(tmp_path, lambda live: bool(live.transfers) and live.transfers[0].done == 25)
        assert (live.step, live.transfers[0].dataset, live.transfers[0].total) == ("sending", "tank/a", 100)
        assert live.transfers[0].rate > 0
        progress.finish("tank/a", complete=True)
        board.one_done()
        live = seen(tmp_path, lambda live: live.finished == 1)
        assert (live.step, live.transfers) == ("verifying and pruning", ())
    assert read_live("home", tmp_path, datetime.now(UTC)) is None
    assert list((tmp_path / "live").iterdir()) == []
    assert board_of("home") is None


def test_after_the_last_send_of_a_run_its_step_is_the_one_after_sending() -> None:
    board = Board(job="home", run="brave-otter", started=STARTED)
    steps = list[str]()
    for complete in (False, True):  # the first attempt is cut
        board.start("tank/a", 100)
        steps.append(board.now().step)
        board.finish("tank/a", complete=complete)
        steps.append(board.now().step)
    assert steps == ["sending", "looking at both sides", "sending", "verifying and pruning"]


@pytest.mark.parametrize(
    ("verb", "steps"),
    [
        ("verify", ["looking at both sides"] * 3),
        ("prune", ["looking at both sides", "pruning", "pruning"]),
        ("prove", ["looking at both sides", "digesting on both sides", "digesting on both sides"]),
        ("drill", ["looking at both sides", "restoring and comparing", "restoring and comparing"]),
    ],
)
def test_each_verb_says_what_it_does_and_never_what_a_backup_would(tmp_path: Path, verb: str, steps: list[str]) -> None:
    with on_board("home", "brave-otter", STARTED, tmp_path, verb) as board:
        assert seen(tmp_path, lambda live: True).verb == verb
        said = [board.now().step]
        board.start("tank/a", 100)
        said.append(board.now().step)
        board.finish("tank/a", complete=True)
        board.one_done()
        said.append(board.now().step)
    assert said == steps


def test_without_a_run_progress_is_only_what_it_was() -> None:
    progress = log_progress()
    assert shown_on_board("home", progress) is progress


def test_what_a_killed_run_left_is_no_run(tmp_path: Path) -> None:
    with on_board("home", "brave-otter", STARTED, tmp_path):
        live = seen(tmp_path, lambda live: True)
        left = (tmp_path / "live" / "home.json").read_text()
    (tmp_path / "live" / "home.json").write_text(left)
    assert read_live("home", tmp_path, live.updated + DEAD / 2) is not None
    assert read_live("home", tmp_path, datetime.now(UTC) + DEAD + timedelta(seconds=1)) is None


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", "\x00", json.dumps({"job": "home"})])
def test_a_broken_file_is_no_run(tmp_path: Path, content: str) -> None:
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / "home.json").write_text(content)
    assert read_live("home", tmp_path, datetime.now(UTC)) is None


def test_a_state_that_cannot_be_written_stops_no_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with on_board("home", "brave-otter", STARTED, tmp_path / "file") as board:
        board.start("tank/a", 1)
        board.advance("tank/a", 1)
        board.finish("tank/a", complete=True)
