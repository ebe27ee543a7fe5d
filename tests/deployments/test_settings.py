"""What is done once, before a machine serves its jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments import settings as starting
from tests.cli.test_commands import write_settings
from zoffsite.config.places import CONFIG_VARIABLE
from zoffsite.unburied import bury_all, keep_unburied


def test_whoever_serves_or_works_tells_prefect_first_of_the_runs_that_were_found_killed_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_settings(tmp_path, 9, remote=True)
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "zoffsite.toml"))
    monkeypatch.setenv("ZOFFSITE_STATE_DIR", str(tmp_path))
    for ident in ("7", "8"):
        keep_unburied(ident, tmp_path)
    told = list[str]()

    def bury(ident: str) -> bool:
        told.append(ident)
        return ident == "7"

    monkeypatch.setattr(starting, "bury", bury)
    starting.settings_for_runs()
    assert told == ["7", "8"]
    told.clear()
    bury_all(tmp_path, bury)
    assert told == ["8"]
