"""What is to be deployed, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Interface, IPv6Interface
from pathlib import Path

Interface = IPv4Interface | IPv6Interface
LOOPBACK = IPv4Interface("127.0.0.1")


class Way(StrEnum):
    """How the jobs come to run: by timers alone; by a Prefect server here; by a Prefect server elsewhere."""

    TIMERS = "timers"
    PREFECT = "prefect"
    WORKER = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One verb of one job, with the values of `OnCalendar=` at which a timer runs it."""

    job: str
    verb: str
    calendar: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the jobs' processes need of the machine, all jobs together.

    `zfs`: a job's source is this machine; `disks`: a job's target is a removable disk; `hooks`: commands of the user's.
    `canaries`: directories into which runs write.
    """

    zfs: bool
    disks: bool
    hooks: bool
    canaries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One machine. `python` and `zoffsite` are whole paths of what is installed; `reachable`: other users can run it.

    `pool` and `api` are a worker's: this machine's work pool, and where the Prefect server is. A Prefect server
    here has `port` on the address `listen`, for this machine and that address's network.
    """

    way: Way
    config: Path
    state_dir: Path
    python: Path
    zoffsite: Path
    reachable: bool
    needs: Needs
    jobs: tuple[str, ...] = ()
    timed: tuple[Timed, ...] = ()
    listen: Interface = LOOPBACK
    port: int = 4200
    pool: str = ""
    api: str = ""

    @property
    def pages(self) -> str:
        """The URL of the UI of a Prefect server here; its API is below it."""
        host = str(self.listen.ip)
        return f"http://{f'[{host}]' if self.listen.version == 6 else host}:{self.port}"
