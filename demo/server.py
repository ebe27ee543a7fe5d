"""A real Prefect server on loopback, for as long as a block lasts; also used by the tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lab.state import free_ports

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
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "zoffsite",
    }


@contextmanager
def prefect_server(home: Path) -> Iterator[Mapping[str, str]]:
    """Start a server, wait until it answers, give the environment that its clients need; stop it in the end."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    port = free_ports(1)[0]
    environment = server_environment(home, port)
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            # It ends when we do, even if we are killed: setpriv(1), prctl(2).
            ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", "prefect", "server", "start"],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_healthy(server, environment["PREFECT_API_URL"], home)
        yield environment
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_healthy(server: subprocess.Popen[bytes], url: str, home: Path) -> None:
    deadline = time.monotonic() + STARTING
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:  # noqa: S310 - our own loopback URL
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)  # nothing to wait on: the port opens when it opens
    tail = (home / "server.log").read_text(errors="replace")[-2000:]
    raise RuntimeError(f"the Prefect server did not come up:\n{tail}")
