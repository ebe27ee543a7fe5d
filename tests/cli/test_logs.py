from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from tests.cli.test_commands import Zoffsite, closed_port, write_settings, zoffsite

__all__ = ["closed_port", "zoffsite"]


def test_the_log_is_json_on_demand_a_line_each(zoffsite: Zoffsite, tmp_path: Path, closed_port: int) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    done = zoffsite("--log-format", "json", "backup", "--direct", "--json")
    assert json.loads(done.stdout)["exit_code"] == done.returncode == 3
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {"time", "level", "logger", "thread", "message"} == set(lines[0])
    assert any(line["level"] == "error" and "list" in line["message"] for line in lines)
    assert datetime.fromisoformat(lines[0]["time"]).utcoffset() is not None


@pytest.mark.parametrize("words", [("--verbose",), ("--log-level", "debug")])
def test_each_command_is_said_at_debug_and_only_there(
    zoffsite: Zoffsite, tmp_path: Path, closed_port: int, words: tuple[str, ...]
) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    assert "$ zpool" in zoffsite(*words, "backup", "--direct").stderr
    assert "$ zpool" not in zoffsite("backup", "--direct").stderr


def test_a_higher_level_leaves_only_what_is_wrong(zoffsite: Zoffsite, tmp_path: Path, closed_port: int) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    assert zoffsite("--log-level", "error", "backup", "--direct").stderr.count("\n") == 1


def test_no_secret_is_in_the_most_talkative_log(zoffsite: Zoffsite, tmp_path: Path, closed_port: int) -> None:
    write_settings(tmp_path, closed_port, remote=True)
    secret = "hunter2-never-shown"
    done = zoffsite(
        "--log-level",
        "debug",
        "backup",
        "--direct",
        ZOFFSITE_NOTIFY_URLS=f"json://me:{secret}@127.0.0.1:{closed_port}/{secret}",
        ZOFFSITE_JOB__HOME__PING_URL=f"http://127.0.0.1:{closed_port}/{secret}",
    )
    assert done.returncode == 3
    assert "alert was not delivered" in done.stderr
    assert "dead man's switch" in done.stderr
    assert secret not in done.stderr + done.stdout
    assert not any(secret in file.read_text() for file in (tmp_path / "state").rglob("*") if file.is_file())
