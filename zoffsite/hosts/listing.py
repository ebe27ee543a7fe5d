"""List all snapshots of a host, but ask only for those of datasets where something may have changed.

A listing costs about 8 ms a snapshot on a slow machine, whatever is asked of it; of a dataset, it costs the same once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zoffsite.hosts.commands import Commands
from zoffsite.model.inventory import Inventory
from zoffsite.model.listing import Listings
from zoffsite.model.snapshots import NO_SNAPSHOTS, Snapshots
from zoffsite.zfs.argv import CHANGED
from zoffsite.zfs.changes import parse_overview, remembered, unchanged, usable, whole
from zoffsite.zfs.gathering import Budget
from zoffsite.zfs.parse import read_snapshots


@dataclass(frozen=True, slots=True)
class Lister:
    """A host, how long it may take to answer (seconds), and how many bytes of memory a listing of it may take.

    `overview` and `snapshots_of` are how it is asked: the commands of `zfs.argv`, or the requests of `zfs.gate`.
    """

    commands: Commands
    timeout: float
    most: int
    overview: list[str]
    snapshots_of: Callable[[Sequence[str]], list[tuple[list[str], list[str]]]]

    def inventory_since(self, known: Listings | None, list_all: Callable[[], Inventory]) -> tuple[Inventory, Listings]:
        """The inventory, in one short command where nothing has changed, and what to keep; else by `list_all`."""
        found, kept = self._by_changes(known)
        return list_all() if found is None else found, kept

    def _by_changes(self, known: Listings | None) -> tuple[Inventory | None, Listings]:
        """None where this cannot be done: with an old OpenZFS, or when a dataset went away meanwhile."""
        known = usable(known, f"{self.commands.label} {' '.join(self.overview)}", time.time())
        if known.unable:
            return None, known
        done = self.commands.run(self.overview, self.timeout)
        if done.exit_code != 0:
            return None, Listings(of=known.of, began=known.began, unable=CHANGED in done.stderr)
        seen = time.time()
        budget = Budget(self.most)
        overview = parse_overview(done.stdout, self.commands.label, budget)
        same = unchanged(known, overview)
        fresh = self._snapshots_of([name for name in overview.heads if name not in same], budget)
        if fresh is None:
            return None, Listings(of=known.of, began=known.began)
        return whole(overview, same, fresh), remembered(known, overview, same, fresh, seen)

    def _snapshots_of(self, datasets: Sequence[str], budget: Budget) -> dict[str, Snapshots] | None:
        found = dict.fromkeys(datasets, NO_SNAPSHOTS)
        for command, names in self.snapshots_of(datasets):
            with self.commands.reading(command, self.timeout) as said:
                found |= read_snapshots(said.lines(), self.commands.label, frozenset(names), budget)
            if said.ended is None or said.ended.exit_code != 0:
                return None
        return found
