"""The shape of zoffsite.toml and of the variables that override it. docs/reference/settings.md says it in words."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from zoffsite.config.accepting import check_accepted
from zoffsite.config.cron import check_cron, check_timezone
from zoffsite.config.hostkey import check_host_key
from zoffsite.config.mistakes import WrongValueError
from zoffsite.config.names import (
    check_dataset,
    check_host,
    check_name,
    check_pattern,
    check_prefix,
    check_replica,
    check_snapshot_pattern,
    check_tunnel_address,
    check_user,
)
from zoffsite.config.receivers import parse_receivers
from zoffsite.config.units import parse_clock, parse_duration, parse_rate, parse_size
from zoffsite.config.weburl import check_ping_url
from zoffsite.model.job import Selection, SnapshotWhen

PREFIX = "ZOFFSITE_"
DELIMITER = "__"
LOCAL = "local"


def _whole_number(value: object) -> object:
    """TOML's true is not a number, though Python's is."""
    if isinstance(value, bool):
        raise WrongValueError("this must be a whole number", "write a number without quotes")
    return value


def _guid(value: object) -> int:
    """64 bits, more than a TOML number holds, so it may be a text."""
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or not 0 < int(text) < 2**64:
        raise WrongValueError("this is not the GUID of a pool", 'write what `zpool get guid` shows, in quotes: "1234…"')
    return int(text)


def _check_urls(value: SecretStr) -> SecretStr:
    """Kept as it is read, a secret as a whole; `parse_receivers` takes it apart."""
    parse_receivers(value)
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Rate = Annotated[int | None, BeforeValidator(parse_rate)]
Size = Annotated[int, BeforeValidator(parse_size)]
Clock = Annotated[time, BeforeValidator(parse_clock)]
Name = Annotated[str, AfterValidator(check_name)]
Count = Annotated[int, BeforeValidator(_whole_number), Field(ge=0, le=100_000)]
CronLine = Annotated[str, AfterValidator(check_cron)]
Urls = Annotated[SecretStr, AfterValidator(_check_urls)]


class Table(BaseModel):
    """A table of the file: nothing unknown in it, nothing changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class HostTable(Table):
    """`[source.NAME]`, and the part that `[box.NAME]` shares with it: how to log in over SSH."""

    host: Annotated[str, AfterValidator(check_host)]
    port: Annotated[int, BeforeValidator(_whole_number), Field(ge=1, le=65535)] = 22
    user: Annotated[str, AfterValidator(check_user)]
    host_key: Annotated[str, AfterValidator(check_host_key)]
    identity_file: Path
    connect_timeout: Duration = timedelta(seconds=15)
    keepalive: Duration = timedelta(seconds=15)


class TunnelTable(Table):
    """`[box.NAME.tunnel]`: how the box dials in; what `zoffsite box kit` sets up."""

    endpoints: Annotated[tuple[Annotated[str, AfterValidator(check_host)], ...], Field(min_length=1, max_length=8)]
    port: Annotated[int, BeforeValidator(_whole_number), Field(ge=1, le=65535)] = 51820
    source: Annotated[str, AfterValidator(check_tunnel_address)] = "10.77.0.1"
    updates: bool = True


class BoxTable(HostTable):
    """`[box.NAME]`: the backup machine."""

    root: Annotated[str, AfterValidator(check_dataset)]
    restore_identity_file: Path | None = None
    reserve: Size = 0
    floor: Duration = timedelta(days=30)
    minimum: Annotated[int, BeforeValidator(_whole_number), Field(ge=1, le=100_000)] = 3
    quota: Size | None = None
    filesystem_limit: Annotated[int, BeforeValidator(_whole_number), Field(ge=1)] = 1_000
    snapshot_limit: Annotated[int, BeforeValidator(_whole_number), Field(ge=1)] = 50_000
    accept: tuple[Annotated[str, AfterValidator(check_accepted)], ...] = ()
    tunnel: TunnelTable | None = None


class DiskTable(Table):
    """`[disk.NAME]`: a removable disk of the source machine, as the target instead of a box."""

    guid: Annotated[int, BeforeValidator(_guid)]
    root: Annotated[str, AfterValidator(check_dataset)]
    absent_after: Duration = timedelta(days=35)
    reserve: Size = 0


class SnapshotsTable(Table):
    """`[job.NAME.snapshots]`: which snapshots are taken, and which travel."""

    prefix: Annotated[str, AfterValidator(check_prefix)] | None = None
    take: SnapshotWhen = SnapshotWhen.WRITTEN
    send: Selection = Selection.OURS
    patterns: tuple[Annotated[str, AfterValidator(check_snapshot_pattern)], ...] = ()


class RetentionTable(Table):
    """`[job.NAME.keep.source]` and `[job.NAME.keep.box]`: a snapshot is kept when any rule keeps it."""

    patterns: tuple[Annotated[str, AfterValidator(check_snapshot_pattern)], ...] = ()
    last: Count = 0
    within: Duration | None = None
    hourly: Count = 0
    daily: Count = 0
    weekly: Count = 0
    monthly: Count = 0
    yearly: Count = 0

    @property
    def keeps_nothing(self) -> bool:
        """True when no rule would keep anything."""
        rules = (self.last, self.within, self.hourly, self.daily, self.weekly, self.monthly, self.yearly)
        return not any(rules)


class KeepTable(Table):
    """`[job.NAME.keep]`: one policy a side. A side that is given replaces its default as a whole; empty keeps all."""

    source: RetentionTable = RetentionTable(within=timedelta(days=2), daily=7)
    box: RetentionTable = RetentionTable(within=timedelta(days=2), daily=14, weekly=8, monthly=12, yearly=2)


class RetriesTable(Table):
    """`[job.NAME.retries]`: what can heal by itself is tried again, with growing waits."""

    count: Annotated[int, BeforeValidator(_whole_number), Field(ge=0, le=100)] = 3
    first_wait: Duration = timedelta(seconds=10)
    longest_wait: Duration = timedelta(minutes=5)


class WindowTable(Table):
    """`[[job.NAME.windows]]`, also of its proofs: another bandwidth at some time of the day, local time."""

    start: Clock
    end: Clock
    bandwidth: Rate


class HookTable(Table):
    """`[[job.NAME.hooks]]`: commands around the snapshot of some datasets, run on the source without a shell."""

    datasets: Annotated[tuple[Annotated[str, AfterValidator(check_pattern)], ...], Field(min_length=1)]
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    timeout: Duration = timedelta(minutes=5)


class AlarmTable(Table):
    """`[job.NAME.alarm]`: what is so far beyond a dataset's habit that somebody should look."""

    at_least: Size = 10**9
    factor: Annotated[float, Field(gt=1)] = 10.0
    freed: Annotated[float, Field(gt=0, lt=1)] = 0.5


class ProofTable(Table):
    """`[job.NAME.proof]`: how often the box must prove that it holds everything, and how much a run may read."""

    within: Duration = timedelta(days=30)
    at_most: Size = 100 * 10**9
    bandwidth: Rate = None
    windows: tuple[WindowTable, ...] = ()


def _check_whole_path(path: str) -> str:
    if not path.startswith("/"):
        raise WrongValueError(f'"{path}" is not a whole path', 'write it from the root: "/root/keys/home"')
    return path


class DrillTable(Table):
    """`[job.NAME.drill]`: which datasets are restored for rehearsal, where to, and with which keys."""

    datasets: tuple[Annotated[str, AfterValidator(check_pattern)], ...] = ()
    scratch: Annotated[str, AfterValidator(check_dataset)] | None = None
    bandwidth: Rate = None
    key_files: dict[
        Annotated[str, AfterValidator(check_dataset)], Annotated[str, AfterValidator(_check_whole_path)]
    ] = Field(default_factory=dict)
    canary: Annotated[str, AfterValidator(check_dataset)] | None = None


class ScheduleTable(Table):
    """`[job.NAME.schedule]`: when the job is run by itself: `cron` its backup, the others what they are called."""

    cron: CronLine
    verify: CronLine | None = None
    prune: CronLine | None = None
    prove: CronLine | None = None
    drill: CronLine | None = None
    doctor: CronLine | None = None
    timezone: Annotated[str, AfterValidator(check_timezone)] = "UTC"


class JobTable(Table):
    """`[job.NAME]`: which datasets go where, and how."""

    datasets: Annotated[tuple[Annotated[str, AfterValidator(check_pattern)], ...], Field(min_length=1)] = ()
    by_property: bool = False
    recursive: bool = True
    exclude: tuple[Annotated[str, AfterValidator(check_pattern)], ...] = ()
    source: str = LOCAL
    box: str | None = None
    disk: str | None = None
    replicas: dict[Annotated[str, AfterValidator(check_dataset)], Annotated[str, AfterValidator(check_replica)]] = (
        Field(default_factory=dict)
    )
    parallel: Annotated[int, BeforeValidator(_whole_number), Field(ge=1, le=64)] = 2
    bandwidth: Rate = None
    windows: tuple[WindowTable, ...] = ()
    stall: Duration = timedelta(minutes=2)
    objective: Duration = timedelta(hours=26)
    objectives: dict[Annotated[str, AfterValidator(check_dataset)], Duration] = Field(default_factory=dict)
    snapshots: SnapshotsTable = SnapshotsTable()
    keep: KeepTable = KeepTable()
    retries: RetriesTable = RetriesTable()
    hooks: tuple[HookTable, ...] = ()
    alarm: AlarmTable = AlarmTable()
    proof: ProofTable = ProofTable()
    drill: DrillTable = DrillTable()
    schedule: ScheduleTable | None = None
    notify_urls: Urls | None = None
    ping_url: Annotated[SecretStr, AfterValidator(check_ping_url)] | None = None


def _check_state_dir(path: Path) -> Path:
    """It is found from wherever a command is typed, so that all of them see the same locks."""
    if not path.expanduser().is_absolute():
        raise WrongValueError(f'"{path}" depends on where a command is run', 'write a whole path: "/var/lib/zoffsite"')
    return path.expanduser()


class Tables(BaseSettings):
    """Everything that can be set; `sources.py` says from where."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
    )

    box: dict[Name, BoxTable] = Field(default_factory=dict)
    disk: dict[Name, DiskTable] = Field(default_factory=dict)
    source: dict[Name, HostTable] = Field(default_factory=dict)
    job: dict[Name, JobTable] = Field(default_factory=dict)
    state_dir: Annotated[Path, AfterValidator(_check_state_dir)] | None = None
    notify_urls: Urls | None = None
