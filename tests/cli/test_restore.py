"""What can be typed behind `zoffsite restore`, before any host is asked."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.test_commands import write_settings, zoffsite
from zoffsite.cli.restore import moment_of

__all__ = ["zoffsite"]  # a fixture

Zoffsite = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23", datetime(2026, 11, 23, 22, 59, 59, tzinfo=UTC)),
        ("2026-06-01", datetime(2026, 6, 1, 21, 59, 59, tzinfo=UTC)),
        ("2026-11-23T18:00", datetime(2026, 11, 23, 17, tzinfo=UTC)),
        ("2026-11-23 18:00:05", datetime(2026, 11, 23, 17, 0, 5, tzinfo=UTC)),
        ("2026-11-23T17:00:00Z", datetime(2026, 11, 23, 17, tzinfo=UTC)),
        ("latest", None),
        ("zoffsite-home-2026-11-23T03:00:00Z", None),
    ],
)
def test_a_date_is_the_end_of_that_day_and_a_time_is_local(in_berlin: None, text: str, moment: datetime | None) -> None:
    assert moment_of(text) == moment


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--key-file", "keys/home"), "not a whole path"),
        (("--key-file", "tank/home=keys/home"), "not a whole path"),
        (("--ask-key",), "no terminal"),
        (("--mount",), "no terminal"),
        (("--bandwidth", "5"), "--bandwidth 5"),
        (("--bandwidth", "5 Mbit/s"), "--bandwidth 5 Mbit/s"),
    ],
)
def test_what_cannot_be_meant_is_said_before_any_host_is_asked(
    tmp_path: Path, zoffsite: Zoffsite, words: tuple[str, ...], said: str
) -> None:
    write_settings(tmp_path, 1, remote=False)
    done = zoffsite("restore", "tank/home", "--to", "tank/back", *words)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


def test_a_gate_gives_nothing_back_without_a_key_for_restores(tmp_path: Path, zoffsite: Zoffsite) -> None:
    write_settings(tmp_path, 1, remote=False)
    file = tmp_path / "zoffsite.toml"
    tunnel = 'root = "vault/zoffsite/home"\ntunnel = { endpoints = ["home.example.org"] }'
    file.write_text(file.read_text().replace('root = "vault/zoffsite/home"', tunnel))
    done = zoffsite("restore", "tank/home", "--to", "tank/back")
    assert done.returncode == 2
    assert "restore_identity_file" in done.stderr
