"""Small values for the planning tests: a job, datasets, versions by their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from zoffsite.model.dataset import Dataset, KeyStatus, Kind
from zoffsite.model.inventory import DatasetState, Inventory, TokenContents
from zoffsite.model.job import Job, Retention, Retries, Selection, SnapshotWhen, SshHost
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.version import Bookmark, Snapshot

SOURCE = "tank/home"
REPLICA = "vault/box/tank:home"
OURS = "zoffsite-home-2026-11-{:02d}T03:00:00Z"
NOON = 1_795_348_800
"""2026-11-22 12:00 UTC."""

JOB = Job(
    name="home",
    datasets=(SOURCE,),
    recursive=False,
    exclude=(),
    source=None,
    box=SshHost(
        host="box", port=22, user="u", host_key="k", identity_file=Path("id"), connect_timeout=1.0, keepalive=1.0
    ),
    root="vault/box",
    snapshot_prefix="zoffsite-home-",
    snapshot_when=SnapshotWhen.WRITTEN,
    selection=Selection.ALL,
    selection_patterns=(),
    keep_source=Retention(),
    keep_box=Retention(),
    parallel=1,
    bandwidth=None,
    stall=60.0,
    retries=Retries(count=0, first_wait=1.0, longest_wait=1.0),
    objective=timedelta(days=1),
    ledger=Path("ledger"),
)


def job(**changes: Any) -> Job:
    """The job, changed."""
    return replace(JOB, **changes)


def dataset(name: str = SOURCE, **changes: Any) -> Dataset:
    """An encrypted dataset of the source, its key loaded, nothing written since."""
    made = Dataset(
        name=name,
        guid=1,
        kind=Kind.FILESYSTEM,
        encryption="aes-256-gcm",
        encryptionroot=name,
        keystatus=KeyStatus.AVAILABLE,
        mounted=True,
        readonly=False,
        written=0,
        used=1000,
        available=10**9,
    )
    return replace(made, **changes)


def replica_dataset(name: str = REPLICA, **changes: Any) -> Dataset:
    """A replica as it must be."""
    sound = {"keystatus": KeyStatus.UNAVAILABLE, "mounted": False, "readonly": True}
    return dataset(name, **{**sound, **changes})


def snap(number: int, *, ours: bool = True, where: str = SOURCE, **changes: Any) -> Snapshot:
    """The snapshot with this number: its guid, its txg, its day, its size."""
    made = Snapshot(
        dataset=where,
        name=OURS.format(number) if ours else f"other-{number}",
        guid=100 + number,
        createtxg=10 * number,
        creation=NOON + 86400 * number,
        written=2**number,
        referenced=1000 + number,
    )
    return replace(made, **changes)


def there(number: int, **changes: Any) -> Snapshot:
    """The same snapshot on the box, where the txg is another."""
    return snap(number, where=REPLICA, **{"createtxg": 7000 + number, **changes})


def mark(number: int, name: str = "", where: str = SOURCE) -> Bookmark:
    """A bookmark of the snapshot with this number."""
    guid = 100 + number
    return Bookmark(
        dataset=where,
        name=name or f"zoffsite-home-{guid:016x}",
        guid=guid,
        createtxg=10 * number,
        creation=NOON + 86400 * number,
    )


def source(*snapshots: Snapshot, bookmarks: Sequence[Bookmark] = (), **changes: Any) -> DatasetState:
    """The source with these versions, which must be in order."""
    return DatasetState(dataset=dataset(**changes), snapshots=Snapshots.of(snapshots), bookmarks=tuple(bookmarks))


def replica(*snapshots: Snapshot, **changes: Any) -> DatasetState:
    """The replica with these snapshots, which must be in order."""
    return DatasetState(dataset=replica_dataset(**changes), snapshots=Snapshots.of(snapshots))


def token(number: int, base: int | None = None, **changes: Any) -> TokenContents:
    """A token for an interrupted send of one numbered snapshot on top of another."""
    made = TokenContents(
        token="1-a-b-c",
        sends=f"{SOURCE}@{OURS.format(number)}",
        toguid=100 + number,
        fromguid=0 if base is None else 100 + base,
        raw=True,
        received_bytes=400,
        remaining_bytes=77,
    )
    return replace(made, **changes)


def inventory(*names: str) -> Inventory:
    """Datasets without versions, by their names."""
    return Inventory(host="source", datasets={name: DatasetState(dataset=dataset(name)) for name in sorted(names)})
