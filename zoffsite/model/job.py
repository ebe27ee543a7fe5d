"""A job as the core works with it: what config/ makes of the settings, already checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta
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

    @property
    def place(self) -> str:
        """Where replicas are, in words."""
        return "the box"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The box whose own disk it is that was carried here: its pinned host key, and the job's root there."""

    host_key: str
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A pool of the source machine itself: the removable disk of the offline copy. `guid` is the pool's own.

    Not seen for longer than `absent_after`, it is an alert. `carried`: from a box, for a restore.
    """

    pool: str
    guid: int
    absent_after: timedelta
    carried: Origin | None = None

    @property
    def label(self) -> str:
        """How messages name this target."""
        return f"the disk {self.pool}"

    @property
    def place(self) -> str:
        """Where replicas are, in words."""
        return self.label


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From `start` until `end` (local time, daily, maybe across midnight) `rate` is the bandwidth; None: no limit."""

    start: time
    end: time
    rate: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """Commands (argv, on the source machine) around the snapshot of the datasets that match `datasets`.

    An empty command is none. Each may take `timeout` seconds.
    """

    datasets: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    timeout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What is far beyond a dataset's own habit.

    An increment of at least `at_least` bytes that is more than `factor` times the usual; or less than the share `freed`
    of the data left.
    """

    at_least: int
    factor: float
    freed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What a side keeps of our snapshots. A rule that is 0 (or None) keeps nothing; all rules add up.

    `patterns` name snapshots of others that are pruned like ours.
    """

    last: int = 0
    within: timedelta | None = None
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often, and with which growing waits (seconds), a transient failure is tried again."""

    count: int
    first_wait: float
    longest_wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofRule:
    """Every stream is proved once `within`; one run reads about `at_most` bytes on each side.

    Each side reads `bandwidth` bytes per second at most, None for no limit, outside its `windows`.
    """

    within: timedelta
    at_most: int
    bandwidth: int | None = None
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillRule:
    """Which datasets are drilled (patterns; none: all), and where: `scratch` is made for it, and destroyed after it.

    None: `zoffsite-drill-JOB` in the pool of each. At most `bandwidth` bytes per second come back. `key_files` are
    whole paths on the source, by the encryptionroot, of keys that no keylocation names. Into `canary` each run writes,
    and each drill on a schedule brings it back.
    """

    datasets: tuple[str, ...] = ()
    scratch: str | None = None
    bandwidth: int | None = None
    key_files: tuple[tuple[str, str], ...] = ()
    canary: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One backup job. `source` None means this machine; `box` is a Disk where the target is a pool of the source.

    `bandwidth` is bytes per second over all datasets together, outside its `windows`; `reserve` is bytes that stay free
    on the box. `stall` and `objective` are times: no byte for `stall` cuts a transfer; a replica older than `objective`
    is stale; `objectives` gives some datasets, with all below them, another. `replicas` gives datasets another name
    below `root` than their own. `ledger` is the file that remembers what was sent. `by_property`: datasets are chosen
    by their own property, too; `siblings` are the names of all jobs.
    `self_made` are patterns of what jobs make on the source, and none is about: scratches of drills, replicas on disks.
    `restore_identity` is the key with which a restore logs in, where it is another one.
    `accepted` are findings of the doctor that may be so: a check's name, or it and a subject.
    """

    name: str
    datasets: tuple[str, ...]
    recursive: bool
    exclude: tuple[str, ...]
    source: SshHost | None
    box: SshHost | Disk
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
    ledger: Path
    windows: tuple[Window, ...] = ()
    by_property: bool = False
    siblings: tuple[str, ...] = ()
    replicas: tuple[tuple[str, str], ...] = ()
    objectives: tuple[tuple[str, timedelta], ...] = ()
    hooks: tuple[Hook, ...] = ()
    reserve: int = 0
    gated: bool = False
    restore_identity: Path | None = None
    proof: ProofRule = ProofRule(within=timedelta(days=30), at_most=100 * 10**9)
    drill: DrillRule = DrillRule()
    self_made: tuple[str, ...] = ()
    alarm: Alarm = Alarm(at_least=10**9, factor=10.0, freed=0.5)
    accepted: tuple[str, ...] = ()
