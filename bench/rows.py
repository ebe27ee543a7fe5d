"""The rows of the table: what every tool is asked to do, over which link, and what we want to reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.ground import Ground, name_of
from bench.tools import OURS, PREFECT

PEERS = ("bzfs", "syncoid", "zfs-autobackup")


def _nothing(_: Ground) -> None:
    """Nothing to prepare, and nothing to see afterwards."""


def _change(ground: Ground) -> None:
    """A small change in every dataset, and a snapshot of it."""
    ground.write()
    ground.snapshot()


def _all_arrived(ground: Ground) -> None:
    arrived = ground.arrived(name_of(ground.taken - 1))
    if arrived != ground.datasets:
        raise SystemExit(f"only {arrived} of {ground.datasets} replicas have the newest snapshot")


@dataclass(frozen=True, kw_only=True)
class Row:
    """`goal` is for ours divided by the best peer, in wall time; `ms` and `kbit` describe the link, 0: as it is."""

    key: str
    title: str
    goal: float
    tools: tuple[str, ...]
    ms: float = 20
    kbit: int | None = None
    before: Callable[[Ground], None] = _nothing
    after: Callable[[Ground], None] = _nothing


ROWS: Mapping[str, Row] = {
    row.key: row
    for row in (
        Row(key="nothing", title="Nothing to do, 20 ms", goal=0.2, tools=(OURS, PREFECT, *PEERS)),
        Row(
            key="change",
            title="A small increment of each, 20 ms",
            goal=0.5,
            tools=(OURS, PREFECT, *PEERS, "two lines"),
            before=_change,
            after=_all_arrived,
        ),
        Row(key="nothing-0", title="Nothing to do, no delay", goal=0.2, tools=(OURS, *PEERS), ms=0),
        Row(key="nothing-100", title="Nothing to do, 100 ms", goal=0.2, tools=(OURS, *PEERS), ms=100),
        Row(
            key="change-narrow",
            title="A small increment of each, 20 ms, 100 Mbit/s",
            goal=0.5,
            tools=(OURS, *PEERS, "two lines"),
            kbit=100_000,
            before=_change,
            after=_all_arrived,
        ),
    )
}
