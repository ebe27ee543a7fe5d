"""Whether the snapshots of a dataset are still those that were listed before: by `snapshots_changed`, zfsprops(7).

The property counts whole seconds, so one value can stand for two states. What was listed counts only where it was asked
for at least SETTLED seconds after that value was first seen, by our own clock: what changes later gets another value.
Names, guids, sizes and order then are the same; holds and clones may not be, so all is listed anew after a day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from zoffsite.model.inventory import Inventory
from zoffsite.model.listing import Listed, Listings
from zoffsite.model.snapshots import BYTES, Snapshots
from zoffsite.zfs.argv import COLUMNS
from zoffsite.zfs.gathering import Budget
from zoffsite.zfs.malformed import MalformedError, malformed_answer
from zoffsite.zfs.parse import read_inventory
from zoffsite.zfs.rows import lines_of

SETTLED = 2.0
RENEWED = 86_400.0
"""Seconds after which nothing that was remembered counts any more."""
LONGEST = 192 << 20
"""Bytes of snapshots that are remembered of one host; where there are more, none are."""

_TYPE, _NAME, _GUID, _ORIGIN = (COLUMNS.index(column) for column in ("type", "name", "guid", "origin"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Every dataset without its snapshots; `heads` gives the identity of each, and its `snapshots_changed`."""

    heads: Mapping[str, tuple[str, str]]
    inventory: Inventory


def parse_overview(text: str, host: str, budget: Budget | None = None) -> Overview:
    """What `argv.list_overview` asks for. Raises what `read_inventory` raises."""
    heads: dict[str, tuple[str, str]] = {}

    def rows() -> Iterator[str]:
        for line in lines_of(text):
            row, _, changed = line.rpartition("\t")
            fields = row.split("\t")
            with malformed_answer(host, line):
                if len(fields) != len(COLUMNS) or not (changed == "-" or (changed.isascii() and changed.isdigit())):
                    raise MalformedError("not a row of an overview")
                if fields[_TYPE] == "snapshot":
                    raise MalformedError("a snapshot, which nobody asked for")
            if fields[_TYPE] != "bookmark":
                heads[fields[_NAME]] = (f"{fields[_GUID]} {fields[_ORIGIN]}", changed)
            yield row

    inventory = read_inventory(rows(), host, budget)
    return Overview(heads=heads, inventory=inventory)


def usable(known: Listings | None, of: str, now: float) -> Listings:
    """`known` where it still counts, else an empty one that begins now."""
    if known is None or known.of != of or not known.began <= now < known.began + RENEWED:
        return Listings(of=of, began=now)
    return known


def unchanged(known: Listings, overview: Overview) -> dict[str, Listed]:
    """What need not be listed again. "-" may also mean that the change was forgotten, unless nothing is there."""
    return {
        name: listed
        for name, (identity, changed) in overview.heads.items()
        if (listed := known.datasets.get(name)) is not None
        and (listed.identity, listed.changed) == (identity, changed)
        and (not listed.snapshots if changed == "-" else listed.at >= listed.since + SETTLED)
    }


def remembered(
    known: Listings, overview: Overview, same: Mapping[str, Listed], fresh: Mapping[str, Snapshots], seen: float
) -> Listings:
    """What the next run may go by. The overview had come at `seen`, and `fresh` was asked for after it."""
    datasets = dict(same)
    for name, snapshots in fresh.items():
        identity, changed = overview.heads[name]
        before = known.datasets.get(name)
        since = seen
        if before is not None and (before.identity, before.changed) == (identity, changed):
            since = before.since
        datasets[name] = Listed(identity=identity, changed=changed, since=since, at=seen, snapshots=snapshots)
    return replace(known, datasets=datasets if sum(map(_size, datasets.values())) <= LONGEST else {})


def _size(listed: Listed) -> int:
    return sum(map(len, listed.snapshots.names)) + BYTES * len(listed.snapshots)


def whole(overview: Overview, same: Mapping[str, Listed], fresh: Mapping[str, Snapshots]) -> Inventory:
    """As if all had been listed at once."""
    snapshots = {name: listed.snapshots for name, listed in same.items()} | dict(fresh)
    states = overview.inventory.datasets.items()
    return replace(
        overview.inventory, datasets={name: replace(state, snapshots=snapshots[name]) for name, state in states}
    )
