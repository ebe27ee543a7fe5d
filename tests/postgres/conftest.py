"""One Prefect server on PostgreSQL, on an address that is not its usual one, and two machines with a worker each."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from demo.environment import clean_environment
from demo.server import PrefectServer, prefect_server
from lab.state import free_ports
from tests.postgres.database import Database, postgres
from tests.prefect.silence import silent_host
from tests.prefect.test_without_server import SETTINGS
from tests.prefect.ui import Ui
from zoffsite.deploy.quoting import listening, variables
from zoffsite.deploy.spec import Deployment, Needs, Way
from zoffsite.deploy.units import SERVER, UNITS, environment_of, files_of

PASSWORD = "zoffsite:of the server"


@dataclass(frozen=True)
class Machine:
    """A source with settings, state and work pool of its own; both have a job `home`."""

    name: str
    folder: Path
    server: PrefectServer

    def work(self) -> subprocess.Popen[bytes]:
        """Start its worker."""
        ours = {"ZOFFSITE_STATE_DIR": str(self.folder / "state"), "PREFECT_WORKER_QUERY_SECONDS": "2"}
        environment = {**clean_environment(), **self.server.environment, **ours}
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


def deployed(database: str, port: int) -> dict[str, str]:
    """Where its server is, and how one logs in, as `zoffsite deploy --prefect --listen 127.0.0.2` writes it down."""
    deployment = Deployment(
        way=Way.PREFECT,
        config=Path("/zoffsite.toml"),
        state_dir=Path("/state"),
        python=Path("/python"),
        zoffsite=Path("/zoffsite"),
        reachable=True,
        needs=Needs(zfs=False, disks=False, hooks=False),
        listen=listening("127.0.0.2"),
        port=port,
    )
    unit = files_of(deployment)[f"{UNITS}/{SERVER}"]
    where = re.findall(r"^Environment=(PREFECT_SERVER_API_(?:HOST|PORT))=(.*)$", unit, re.MULTILINE)
    return dict(where) | variables(environment_of(deployment, PASSWORD, database))


@pytest.fixture(scope="session")
def server(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with prefect_server(tmp_path_factory.mktemp("prefect"), deployed(database.url, free_ports(1)[0])) as server:
        server.wait_until_ready()
        yield server


@pytest.fixture(scope="session")
def ui(server: PrefectServer) -> Ui:
    return Ui(server.url, PASSWORD)


@pytest.fixture(scope="session")
def silent() -> Iterator[int]:
    with silent_host() as port:
        yield port


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
