"""A job as the core works with it: what config/ makes of the settings, already checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path


class Selection(StrEnum):
    """Which snapshots travel."""

    ALL = "all"
    OURS = "ours"
    LATEST = "latest"


class SnapshotWhen(StrEnum):
    """When a run takes a snapshot of a dataset: each time, only when something was written, or never."""

    ALWAYS = "always"
    WRITTEN = "written"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class SshHost:
    """How to reach a host. `host_key` is the pin: an OpenSSH public key line (`ssh-ed25519 AAAA…`)."""

    host: str
    port: int
    user: str
    host_key: str
    identity_file: Path
    connect_timeout: float
    keepalive: float

    @property
    def label(self) -> str:
        """How messages name this host."""
        return f"{self.user}@{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What a side keeps of our snapshots. A rule that is 0 (or None) keeps nothing; all rules add up."""

    last: int = 0
    within: timedelta | None = None
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often, and with which growing waits (seconds), a transient failure is tried again."""

    count: int
    first_wait: float
    longest_wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One backup job. `source` None means this machine. `bandwidth` is bytes per second over all datasets together.

    `stall` and `objective` are times: no byte for `stall` cuts a transfer; a replica older than `objective` is stale.
    """

    name: str
    datasets: tuple[str, ...]
    recursive: bool
    exclude: tuple[str, ...]
    source: SshHost | None
    box: SshHost
    root: str
    snapshot_prefix: str
    snapshot_when: SnapshotWhen
    selection: Selection
    selection_patterns: tuple[str, ...]
    keep_source: Retention
    keep_box: Retention
    parallel: int
    bandwidth: int | None
    stall: float
    retries: Retries
    objective: timedelta
