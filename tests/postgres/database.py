"""A real PostgreSQL (Debian's package) on loopback, for as long as a block lasts."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from lab.state import free_ports

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@dataclass(frozen=True)
class Database:
    """Where it is, and how Prefect and psql log in."""

    port: int
    password: str

    @property
    def url(self) -> str:
        """For Prefect."""
        return f"postgresql+asyncpg://prefect:{self.password}@127.0.0.1:{self.port}/prefect"

    def ask(self, query: str) -> str:
        """One value."""
        url = f"postgresql://prefect:{self.password}@127.0.0.1:{self.port}/prefect"
        asked = subprocess.run(
            ["psql", "-X", "-t", "-A", "-c", query, url], capture_output=True, text=True, check=True, timeout=60
        )
        return asked.stdout.strip()


@contextmanager
def postgres(home: Path) -> Iterator[Database]:
    """A cluster with one user and one database, below `home`; PostgreSQL refuses to be run by root."""
    database = Database(port=free_ports(1)[0], password=token_hex(16))
    home.mkdir()
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(home, "postgres")
    (home / "password").write_text(database.password)
    (home / "password").chmod(0o644)
    programs = PROGRAMS[-1]

    def run(program: str, *words: str) -> None:
        subprocess.run(
            [*as_user, str(programs / program), *words], cwd="/", check=True, capture_output=True, timeout=120
        )

    data = str(home / "data")
    login = ("-A", "scram-sha-256", "-U", "prefect", f"--pwfile={home / 'password'}")
    run("initdb", "-D", data, "--no-sync", "-E", "UTF8", "--locale=C.UTF-8", *login)
    options = f"-c listen_addresses=127.0.0.1 -c port={database.port} -c unix_socket_directories={home} -c fsync=off"
    run("pg_ctl", "-D", data, "-w", "-l", str(home / "log"), "-o", options, "start")
    try:
        subprocess.run(
            [
                "psql",
                "-X",
                "-c",
                "CREATE DATABASE prefect",
                f"postgresql://prefect:{database.password}@127.0.0.1:{database.port}/postgres",
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )
        yield database
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
