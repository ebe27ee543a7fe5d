"""A real Prefect server on loopback, for as long as a block lasts; also used by the tests."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.environment import clean_environment
from lab.state import free_ports
from zoffsite.hosts.prefect_api import answers

STARTING = 180.0
"""Seconds within which the server must answer; the first start makes its database."""


def server_environment(home: Path, port: int) -> dict[str, str]:
    """What makes Prefect private: its own home, loopback, nothing fetched from or sent to anywhere else."""
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "2",  # 30 are meant for patient people
        "DO_NOT_TRACK": "1",
    }


@dataclass(frozen=True)
class PrefectServer:
    """A server that is starting; `environment` is what its clients need."""

    environment: Mapping[str, str]
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        """The API."""
        return self.environment["PREFECT_API_URL"]

    def wait_until_ready(self) -> None:
        """Return once it answers; RuntimeError with the end of its log when it does not."""
        deadline = time.monotonic() + STARTING
        while time.monotonic() < deadline and self.process.poll() is None:
            if answers(self.url):
                return
            time.sleep(0.2)  # nothing to wait on: the port opens when it opens
        tail = self.log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"the Prefect server did not come up:\n{tail}")


@contextmanager
def prefect_server(home: Path, changes: Mapping[str, str] | None = None) -> Iterator[PrefectServer]:
    """Start a server, which takes a while (`wait_until_ready`); stop it in the end. `changes` are variables of its."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    environment = server_environment(home, free_ports(1)[0]) | dict(changes or {})
    log = home / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            # It ends when we do, even if we are killed: setpriv(1), prctl(2).
            ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", "prefect", "server", "start"],
            env={**clean_environment(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield PrefectServer(environment=environment, process=process, log=log)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
