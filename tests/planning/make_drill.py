"""What a drill is about, small."""

from __future__ import annotations

from datetime import datetime

from zoffsite.model.dataset import Kind
from zoffsite.model.drill import Drillable
from zoffsite.model.version import Snapshot


def drillable(dataset: str = "tank/home", drilled: datetime | None = None, kind: Kind = Kind.FILESYSTEM) -> Drillable:
    """One of 1 MB, whose snapshot has another name on the box."""
    replica = f"vault/box/{dataset.replace('/', ':')}"
    return Drillable(
        dataset=dataset,
        replica=replica,
        kind=kind,
        encryptionroot="tank",
        ours=Snapshot(dataset=dataset, name="new", guid=7, createtxg=9, creation=0, referenced=10**6),
        theirs=Snapshot(dataset=replica, name="newest", guid=7, createtxg=4, creation=0, referenced=10**6),
        drilled=drilled,
    )
