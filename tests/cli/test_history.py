"""`zoffsite history`, from a ledger of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.cli.test_commands import write_settings, zoffsite
from tests.test_ledger import FULL, NEXT
from zoffsite.ledger import Ledger

__all__ = ["zoffsite"]  # a fixture

Zoffsite = Callable[..., subprocess.CompletedProcess[str]]


def test_the_last_events_are_shown_to_people_and_programs_without_asking_any_host(
    tmp_path: Path, zoffsite: Zoffsite
) -> None:
    write_settings(tmp_path, 1, remote=False)
    ledger = Ledger(tmp_path / "state" / "ledger.sqlite", "home")
    assert "nothing is written down yet" in zoffsite("history").stdout
    ledger.add(FULL)
    ledger.add(replace(NEXT, dataset="tank/work"))
    shown = zoffsite("history", "tank/home")
    assert (shown.returncode, "@one in full" in shown.stdout, "@two" in shown.stdout) == (0, True, False)
    (home,) = json.loads(zoffsite("history", "--job", "home", "--limit", "1", "--json").stdout)
    assert [each["snapshot"] for each in home["events"]] == ["two"]
