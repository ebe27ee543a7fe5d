"""A Prefect server with one run that failed, because its hosts are not there; no ZFS is needed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.environment import clean_environment
from demo.server import PrefectServer, prefect_server
from tests.prefect.test_without_server import SETTINGS
from tests.prefect.ui import Json, Ui


@dataclass(frozen=True)
class Shown:
    """What the pages must show."""

    server: PrefectServer
    run: Json
    report: Json

    @property
    def pages(self) -> str:
        return self.server.url.removesuffix("/api")


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("machine")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")], check=True)
    (folder / "zoffsite.toml").write_text(SETTINGS)
    with prefect_server(tmp_path_factory.mktemp("server")) as server:
        server.wait_until_ready()
        program = str(Path(sys.executable).with_name("zoffsite"))
        mine = {"ZOFFSITE_STATE_DIR": str(folder / "state")}
        env = {**clean_environment(), **server.environment, **mine}
        subprocess.run([program, "backup", "--prefect"], cwd=folder, env=env, check=False, capture_output=True)
        ui = Ui(server.url)
        (run,) = ui.api("/flow_runs/filter", {})
        (report,) = ui.api("/artifacts/filter", {"artifacts": {"key": {"any_": ["report-home"]}}})
        yield Shown(server, run, report)
