"""Every measurement is a line of a file, kept as soon as it is made; the figures are medians of those lines."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from statistics import median

from bench.ground import SMALL
from bench.meter import Measured
from bench.own import OWN
from bench.rows import ROWS, Row
from bench.tools import LINES, OURS, PREFECT

HERE = Path(__file__).parent
MEASUREMENTS = HERE / "measurements.jsonl"
RESULTS = HERE / "results.json"
LARGE = 1 << 30
"""So many bytes, for a transfer's cost to count and not its beginning."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One tool in one row: medians over `rounds` runs, `lowest` and `highest` of the seconds.

    `first`: None where nothing was sent.
    """

    tool: str
    rounds: int
    seconds: float
    lowest: float
    highest: float
    cpu: float
    guest_cpu: float
    source_cpu: float
    first: float | None
    zfs_processes: float
    connections: float
    packets: float
    load: float


def keep(measured: Measured, shape: str) -> None:
    """Write one down. `shape` says how many datasets and snapshots, and which OpenZFS."""
    with MEASUREMENTS.open("a") as file:
        file.write(json.dumps({"shape": shape, **asdict(measured)}) + "\n")


def figures() -> dict[tuple[str, str], dict[str, Figures]]:
    """By shape and row, then by tool, of all that was kept."""
    lines = MEASUREMENTS.read_text().splitlines() if MEASUREMENTS.exists() else []
    runs: defaultdict[tuple[str, str], defaultdict[str, list[Measured]]] = defaultdict(lambda: defaultdict(list))
    for line in map(json.loads, lines):
        shape = line.pop("shape")
        runs[shape, line["row"]][line["tool"]].append(Measured(**line))
    return {key: {tool: _figures(tool, made) for tool, made in tools.items()} for key, tools in runs.items()}


def best_peer(tools: Mapping[str, Figures]) -> Figures | None:
    """The quickest that is not ours."""
    return min((each for name, each in tools.items() if name not in (OURS, PREFECT)), key=_seconds, default=None)


def write_json(found: Mapping[tuple[str, str], Mapping[str, Figures]]) -> None:
    """`bench/results.json`: a row where both ours and a peer were measured."""
    rows = [
        entry for (shape, key), tools in found.items() if (row := ROWS.get(key)) for entry in _rows(row, shape, tools)
    ]
    rows += _growth(found)
    if OWN.exists():
        rows += json.loads(OWN.read_text())
    RESULTS.write_text(json.dumps({"rows": rows}, indent=2, ensure_ascii=False) + "\n")


def first_of(each: Figures) -> float:
    """Seconds until its first byte; for ever, if there was none."""
    return inf if each.first is None else each.first


def cpu_of(each: Figures) -> float:
    """What a transfer costs where it comes from: the tool itself, and the source."""
    return each.cpu + each.source_cpu


def _rows(row: Row, shape: str, tools: Mapping[str, Figures]) -> Iterable[dict[str, object]]:
    for name in (OURS, PREFECT):
        ours = tools.get(name)
        peers = [each for tool, each in tools.items() if tool not in (OURS, PREFECT)]
        if ours is None or not peers:
            continue
        title = f"{row.title}, {shape}" + (", through Prefect" if name == PREFECT else "")
        yield _entry(title, ours.seconds, min(map(_seconds, peers)), row.goal)
        if ours.first is not None and row.tree.size == SMALL and name == OURS:
            # Two lines of shell look at nothing: they are no peer in how soon one knows what to send.
            looking = [first_of(each) for each in peers if each.tool != LINES]
            yield _entry(f"First byte, {title}", ours.first, min(looking), 1.0)
        if LINES in tools and row.tree.size >= LARGE:
            yield _entry(f"CPU here and on the source, {title}", cpu_of(ours), cpu_of(tools[LINES]), 1.0)


def _growth(found: Mapping[tuple[str, str], Mapping[str, Figures]]) -> Iterable[dict[str, object]]:
    """Ten times as many datasets with nothing to do, beside our own time for the few."""
    by_row = {key: tools[OURS] for (_, key), tools in found.items() if OURS in tools}
    if {"nothing", "thousand"} <= by_row.keys():
        many, few = by_row["thousand"], by_row["nothing"]
        yield _entry("Nothing to do, 1000 datasets beside 100", many.seconds, few.seconds, 3.0)


def _entry(row: str, ours: float, other: float, goal: float) -> dict[str, object]:
    return {
        "row": row,
        "ours": round(ours, 2),
        "best_peer": round(other, 2),
        "ratio": round(ours / other, 3),
        "goal": goal,
        "higher_is_better": False,
    }


def _figures(tool: str, runs: Sequence[Measured]) -> Figures:
    seconds = [run.seconds for run in runs]
    return Figures(
        tool=tool,
        rounds=len(runs),
        seconds=round(median(seconds), 2),
        lowest=min(seconds),
        highest=max(seconds),
        cpu=median(run.cpu for run in runs),
        guest_cpu=median(run.guest_cpu for run in runs),
        source_cpu=median(run.source_cpu for run in runs),
        first=median(firsts) if (firsts := [run.first for run in runs if run.first is not None]) else None,
        zfs_processes=median(run.zfs_processes for run in runs),
        connections=median(run.connections for run in runs),
        packets=median(run.packets for run in runs),
        load=median(run.load for run in runs),
    )


def _seconds(each: Figures) -> float:
    return each.seconds
