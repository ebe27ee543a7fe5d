from __future__ import annotations

import logging
import stat
from pathlib import Path

import pytest

from tests.views.values import STARTED
from zoffsite.model.alert import NOTHING_HEARD, Heard, Told
from zoffsite.told import read_heard, save_heard

TOLD = Told(times=3, last=STARTED, about=frozenset({"tank/a: stalled", "job: unreachable"}))
HEARD = {
    "1 (mailto)": Heard(failing=STARTED, failed=frozenset({"tank/a"}), failure=TOLD),
    "2 (json)": Heard(warning=TOLD),
    "3 (x)": NOTHING_HEARD,
}


def test_what_was_told_is_remembered_as_it_was(tmp_path: Path) -> None:
    assert read_heard("home", tmp_path) == {}
    save_heard("home", tmp_path, HEARD)
    assert read_heard("home", tmp_path) == HEARD
    assert read_heard("other", tmp_path) == {}


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    save_heard("home", tmp_path, HEARD)
    assert stat.S_IMODE((tmp_path / "alerts" / "home.json").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"1": {}}',
        '{"1": {"failing": 7, "failure": null, "warning": null}}',
        '{"1": {"failing": "2026-11-23T03:00:00", "failure": null, "warning": null}}',
        '{"1": {"failing": null, "failure": {"times": "x", "last": "", "about": []}, "warning": null}}',
        "\x00",
    ],
)
def test_a_broken_memory_is_none_so_that_all_is_told_again(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    save_heard("home", tmp_path, HEARD)
    (tmp_path / "alerts" / "home.json").write_text(content)
    with caplog.at_level(logging.WARNING):
        assert read_heard("home", tmp_path) == {}
    assert "not readable" in caplog.text


def test_a_directory_that_cannot_be_made_is_logged_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    save_heard("home", tmp_path / "file", HEARD)
    assert "could not be saved" in caplog.text
