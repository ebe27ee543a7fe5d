from __future__ import annotations

import json
import logging
import pickle
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.views.values import FAILED, GOOD, PARTIAL, STARTED, STOPPED
from zoffsite.model.report import RunReport
from zoffsite.state import disk_seen, failing_since, last_good, last_report, last_success, save_report, see_disk

BAD = replace(PARTIAL, started=STARTED + timedelta(days=1))
WORSE = replace(STOPPED, started=STARTED + timedelta(days=2))


@pytest.mark.parametrize("report", [GOOD, PARTIAL, STOPPED])
def test_the_last_report_is_remembered_as_it_was(tmp_path: Path, report: RunReport) -> None:
    assert last_report("home", tmp_path) is None
    assert save_report(BAD, tmp_path)
    assert save_report(report, tmp_path)
    assert last_report("home", tmp_path) == report


def test_each_job_has_its_own(tmp_path: Path) -> None:
    save_report(GOOD, tmp_path)
    assert last_report("other", tmp_path) is None


def test_the_first_of_the_failures_in_a_row_is_remembered_until_a_good_run(tmp_path: Path) -> None:
    assert failing_since("home", tmp_path) is None
    save_report(BAD, tmp_path)
    save_report(WORSE, tmp_path)
    assert failing_since("home", tmp_path) == BAD.started
    save_report(GOOD, tmp_path)
    assert failing_since("home", tmp_path) is None


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    save_report(GOOD, tmp_path / "state")
    (file,) = (tmp_path / "state" / "reports").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "null", '{"failing_since": "soon"}', "\x00"])
def test_a_broken_file_is_ignored_and_replaced(tmp_path: Path, content: str) -> None:
    save_report(GOOD, tmp_path)
    (tmp_path / "reports" / "home.json").write_text(content)
    assert last_report("home", tmp_path) is None
    assert failing_since("home", tmp_path) is None
    save_report(BAD, tmp_path)
    assert last_report("home", tmp_path) == BAD


def test_a_full_disk_leaves_the_old_report_whole_and_stops_nothing(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: both fail in the middle of writing."""
    save_report(GOOD, tmp_path)
    big = replace(PARTIAL, datasets=(replace(FAILED, source="x" * 100_000),))
    code = (
        "import resource, signal, sys, pickle; from pathlib import Path; from zoffsite.state import save_report\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "sys.exit(save_report(pickle.load(sys.stdin.buffer), Path(sys.argv[1])))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], input=pickle.dumps(big), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr  # save_report returned False
    assert b"could not be saved" in done.stderr
    assert last_report("home", tmp_path) == GOOD
    assert [file.name for file in (tmp_path / "reports").iterdir()] == ["home.json"]


def test_a_directory_that_cannot_be_made_is_logged_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    with caplog.at_level(logging.ERROR):
        assert not save_report(GOOD, tmp_path / "file")
    assert "could not be saved" in caplog.text


def test_the_file_is_the_documented_json(tmp_path: Path) -> None:
    save_report(GOOD, tmp_path)
    assert json.loads((tmp_path / "reports" / "home.json").read_text())["state"] == "ok"


def test_when_a_disk_was_seen_is_remembered(tmp_path: Path) -> None:
    when = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
    assert disk_seen(42, tmp_path) is None
    assert see_disk(42, tmp_path, when) == when
    assert (disk_seen(42, tmp_path), disk_seen(43, tmp_path)) == (when, None)
    see_disk(42, tmp_path, when + timedelta(days=1))
    assert disk_seen(42, tmp_path) == when + timedelta(days=1)


def test_a_broken_memory_of_a_disk_is_no_memory(tmp_path: Path) -> None:
    see_disk(42, tmp_path, datetime.now(UTC))
    (tmp_path / "disks" / "42").write_text("yesterday")
    assert disk_seen(42, tmp_path) is None


def test_the_last_good_run_is_remembered_as_a_whole_and_for_each_dataset(tmp_path: Path) -> None:
    assert (last_success("home", tmp_path), last_good("home", tmp_path)) == (None, {})
    save_report(GOOD, tmp_path)
    save_report(BAD, tmp_path)
    save_report(WORSE, tmp_path)
    assert last_success("home", tmp_path) == GOOD.started
    assert last_good("home", tmp_path) == {"tank/a": BAD.started}


def test_a_good_run_of_some_datasets_ends_no_failing_and_is_no_success(tmp_path: Path) -> None:
    save_report(BAD, tmp_path)
    save_report(replace(GOOD, started=WORSE.started), tmp_path, whole=False)
    assert (failing_since("home", tmp_path), last_success("home", tmp_path)) == (BAD.started, None)
    assert last_good("home", tmp_path) == {"tank/a": WORSE.started}
