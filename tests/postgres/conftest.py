"""One Prefect server on PostgreSQL, and two machines with a worker each."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from socket import create_server, socket
from tempfile import TemporaryDirectory

import pytest

from demo.server import PrefectServer, prefect_server
from tests.postgres.database import Database, postgres
from tests.prefect.test_without_server import SETTINGS
from tests.prefect.ui import Ui


@dataclass(frozen=True)
class Machine:
    """A source with settings, state and work pool of its own; both have a job `home`."""

    name: str
    folder: Path
    server: PrefectServer

    def work(self) -> subprocess.Popen[bytes]:
        """Start its worker."""
        environment = {
            **os.environ,
            **self.server.environment,
            "ZOFFSITE_STATE_DIR": str(self.folder / "state"),
            "PREFECT_WORKER_QUERY_SECONDS": "2",
        }
        argv = ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", "deployments.work", self.name]
        with (self.folder / "worker.log").open("ab") as log:
            return subprocess.Popen(argv, cwd=self.folder, env=environment, stdout=log, stderr=log)

    @property
    def deployment(self) -> str:
        """What its job is called at the server."""
        return f"{self.name}-home"

    @property
    def report(self) -> Path:
        """Of its job's last run."""
        return self.folder / "state/reports/home.json"

    @property
    def lock(self) -> Path:
        """Of its job."""
        return self.folder / "state/locks/home.lock"


def stop(worker: subprocess.Popen[bytes]) -> None:
    """As systemd does: SIGTERM to the unit's first process."""
    worker.terminate()
    worker.wait(120)


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    with TemporaryDirectory(prefix="zoffsite-postgres-") as place:  # pytest's own folders let no other user through
        Path(place).chmod(0o755)
        with postgres(Path(place) / "cluster") as database:
            yield database


@pytest.fixture(scope="session")
def server(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with prefect_server(tmp_path_factory.mktemp("prefect"), database=database.url) as server:
        server.wait_until_ready()
        yield server


@pytest.fixture(scope="session")
def ui(server: PrefectServer) -> Ui:
    return Ui(server)


@pytest.fixture(scope="session")
def silent() -> Iterator[int]:
    """The port of a host that takes every connection and never says a word: a run that lasts."""
    with create_server(("127.0.0.1", 0)) as listener:
        kept = list[socket]()

        def take() -> None:
            while True:
                try:
                    kept.append(listener.accept()[0])
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield int(listener.getsockname()[1])


def make(name: str, server: PrefectServer, folder: Path, port: int) -> Machine:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")], check=True)
    settings = SETTINGS.replace("port = 9", f'port = {port}\nconnect_timeout = "5m"')
    (folder / "zoffsite.toml").write_text(settings)
    return Machine(name, folder, server)


@pytest.fixture(scope="session")
def machines(
    server: PrefectServer, silent: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Machine, Machine]]:
    """`nas`, whose hosts refuse every connection, so that runs are short; `office`, whose hosts are silent."""
    nas = make("nas", server, tmp_path_factory.mktemp("nas"), 9)
    office = make("office", server, tmp_path_factory.mktemp("office"), silent)
    workers = [each.work() for each in (nas, office)]
    try:
        yield nas, office
    finally:
        for worker in workers:
            stop(worker)


@pytest.fixture
def third(server: PrefectServer, silent: int, tmp_path: Path) -> Machine:
    """One more, whose worker a test starts and stops."""
    return make("attic", server, tmp_path, silent)
