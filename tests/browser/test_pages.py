"""What a person sees of a run in Prefect's UI, in a real browser. `scripts/test --browser`."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from demo.browser import text_of
from tests.browser.conftest import Shown

pytestmark = pytest.mark.prefect


def test_the_page_of_a_run_shows_its_name_its_state_and_its_tags(shown: Shown) -> None:
    text = text_of(f"{shown.pages}/runs/flow-run/{shown.run['id']}")
    assert shown.run["name"] in text
    assert "Failed" in text
    assert "zoffsite" in text


def test_the_page_of_a_report_shows_what_went_wrong_and_what_to_do_next(shown: Shown) -> None:
    text = text_of(f"{shown.pages}/artifacts/artifact/{shown.report['id']}")
    assert "report-home" in text
    assert "nothing listens on port 9 there" in text
    assert "Next: on that machine: systemctl status ssh" in text


def test_the_pictures_of_the_docs_are_taken_of_what_the_server_has(shown: Shown, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "demo.pictures", shown.server.url, str(tmp_path)]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    taken = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert set(taken) == {"prefect-run.png", "prefect-report.png", "prefect-runs.png"}
    assert "prefect-doctor.png: there is no artifact doctor-…" in said
    for png in taken.values():
        assert png[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", png[16:24]) == (1400, 1100)
        assert len(png) > 20_000  # a page that is not drawn is one color
