"""Every measurement is a line of a file, kept as soon as it is made; the figures are medians of those lines."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench.meter import Measured
from bench.own import OWN
from bench.rows import ROWS, Row
from bench.tools import OURS, PREFECT

HERE = Path(__file__).parent
MEASUREMENTS = HERE / "measurements.jsonl"
RESULTS = HERE / "results.json"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One tool in one row: medians over `rounds` runs, `lowest` and `highest` of the seconds."""

    tool: str
    rounds: int
    seconds: float
    lowest: float
    highest: float
    cpu: float
    guest_cpu: float
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
    if OWN.exists():
        rows += json.loads(OWN.read_text())
    RESULTS.write_text(json.dumps({"rows": rows}, indent=2, ensure_ascii=False) + "\n")


def _rows(row: Row, shape: str, tools: Mapping[str, Figures]) -> Iterable[dict[str, object]]:
    peer = best_peer(tools)
    for name in (OURS, PREFECT):
        ours = tools.get(name)
        if ours is None or peer is None:
            continue
        yield {
            "row": f"{row.title}, {shape}" + (", through Prefect" if name == PREFECT else ""),
            "ours": ours.seconds,
            "best_peer": peer.seconds,
            "ratio": round(ours.seconds / peer.seconds, 3),
            "goal": row.goal,
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
        zfs_processes=median(run.zfs_processes for run in runs),
        connections=median(run.connections for run in runs),
        packets=median(run.packets for run in runs),
        load=median(run.load for run in runs),
    )


def _seconds(each: Figures) -> float:
    return each.seconds
