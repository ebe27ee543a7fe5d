"""The rows of the table: what every tool is asked to do, over which link, and what we want to reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench.ground import Ground, Tree, name_of
from bench.pruning import PRUNERS, all_pruned, rewind
from bench.tools import LINES, OURS, PREFECT, TOOLS, Tool

PEERS = ("bzfs", "syncoid", "zfs-autobackup")


def _nothing(_: Ground) -> None:
    """Nothing to prepare, and nothing to see afterwards."""


def _change(ground: Ground) -> None:
    """A small change in every dataset, and a snapshot of it."""
    ground.write()
    ground.snapshot()


def _all_arrived(ground: Ground) -> None:
    arrived = ground.arrived(name_of(ground.taken - 1))
    if arrived != ground.tree.datasets:
        raise SystemExit(f"only {arrived} of {ground.tree.datasets} replicas have the newest snapshot")


MANY = Tree("b", 100, 20)
GIB = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Row:
    """`goal` is for ours divided by the best peer, in wall time; `ms` and `kbit` describe the link, 0: as it is.

    `among`: what each of the `tools` is called with.
    """

    key: str
    title: str
    goal: float
    tools: tuple[str, ...]
    tree: Tree = MANY
    ms: float = 20
    kbit: int | None = None
    before: Callable[[Ground], None] = _nothing
    after: Callable[[Ground], None] = _nothing
    among: Mapping[str, Tool] = field(default_factory=lambda: TOOLS)


def _sent(key: str, title: str, tree: Tree, ms: float) -> Row:
    """All of the tree is sent anew each time; of those that pipe one ssh into another, the shell stands for all."""
    tools = (OURS, "bzfs", LINES)
    return Row(key=key, title=title, goal=1.0, tools=tools, tree=tree, ms=ms, before=Ground.renew, after=_all_arrived)


ROWS: Mapping[str, Row] = {
    row.key: row
    for row in (
        Row(key="nothing", title="Nothing to do, 20 ms", goal=0.2, tools=(OURS, PREFECT, *PEERS)),
        Row(
            key="change",
            title="A small increment of each, 20 ms",
            goal=0.5,
            tools=(OURS, PREFECT, *PEERS, LINES),
            before=_change,
            after=_all_arrived,
        ),
        Row(key="nothing-0", title="Nothing to do, no delay", goal=0.2, tools=(OURS, *PEERS), ms=0),
        Row(key="nothing-100", title="Nothing to do, 100 ms", goal=0.2, tools=(OURS, *PEERS), ms=100),
        Row(
            key="change-narrow",
            title="A small increment of each, 20 ms, 100 Mbit/s",
            goal=0.5,
            tools=(OURS, *PEERS, LINES),
            kbit=100_000,
            before=_change,
            after=_all_arrived,
        ),
        Row(
            key="prune",
            title="Pruning of all snapshots but the newest of each, on the box, 20 ms",
            goal=0.2,
            tools=tuple(PRUNERS),
            among=PRUNERS,
            tree=Tree("p", 100, 101, kept=1),
            before=rewind,
            after=all_pruned,
        ),
        Row(key="thousand", title="Nothing to do, 20 ms", goal=0.2, tools=(OURS, "bzfs"), tree=Tree("k", 1000, 2)),
        _sent("large", "One large full send, no delay", Tree("l", 1, 1, size=2 * GIB, arrived=0), ms=0),
        _sent("large-change", "One large increment, no delay", Tree("i", 1, 2, size=GIB, arrived=1), ms=0),
        _sent("far-one", "One full send, 100 ms", Tree("o", 1, 1, size=GIB >> 3, arrived=0), ms=100),
        _sent("far-four", "Four full sends, 100 ms", Tree("f", 4, 1, size=GIB >> 4, arrived=0), ms=100),
    )
}
