"""The table and the plots, drawn from what was kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench import peers
from bench.plot import bars
from bench.results import MEASUREMENTS, Figures, best_peer, figures, write_json
from bench.rows import ROWS
from bench.tools import OURS, PREFECT

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "reference/bench.md"
BEGIN, END = "<!-- from here: scripts/bench report -->", "<!-- until here -->"
HEAD = (
    "| tool | runs | seconds (lowest–highest) | ours / this | first byte | CPU here | CPU in the guests "
    "| zfs processes | connections | packets | load |"
)
WORDS = {"seconds": "seconds", "cpu": "seconds of CPU, here"}


def write_report() -> None:
    """Put everything where it belongs; the prose of the page stays as it is."""
    found = figures()
    write_json(found)
    parts = [_versions()]
    for (shape, key), tools in found.items():
        row = ROWS[key]
        name = f"bench-{key}-{_slug(shape)}.svg"
        title = f"{row.title}; {shape}"
        (DOCS / "images" / name).write_text(bars(title, {each.tool: each.seconds for each in _sorted(tools)}))
        parts.append(f"### {title}\n\n{_verdict(tools, row.goal)}\n\n{_table(tools)}\n\n![{title}](../images/{name})")
    parts += _prefect(found)
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n" + "\n\n".join(parts) + f"\n\n{END}{rest.partition(END)[2]}")


def _versions() -> str:
    said = ", ".join(f"{name} {version}" for name, version in peers.versions().items())
    return f"Compared: {said}. Each run: `{MEASUREMENTS.relative_to(DOCS.parent)}`."


def _prefect(found: Mapping[tuple[str, str], Mapping[str, Figures]]) -> list[str]:
    """What a run through Prefect's server takes beyond the same run without it, and what each task run adds."""
    by_row = {key: tools for (_, key), tools in found.items() if {OURS, PREFECT} <= tools.keys()}
    if not {"nothing", "change"} <= by_row.keys():
        return []
    datasets = ROWS["change"].tree.datasets
    rows = ["| | a run with nothing to do | and for each dataset that is sent |", "|---|---|---|"]
    for what in ("seconds", "cpu"):
        idle, busy = (
            getattr(by_row[key][PREFECT], what) - getattr(by_row[key][OURS], what) for key in ("nothing", "change")
        )
        rows.append(f"| {WORDS[what]} | {idle:.1f} | {(busy - idle) / datasets:.2f} |")
    said = "On a server that runs, beyond the same without Prefect, in the rows above with these tasks."
    return [f"### What Prefect costs\n\n{said}\n\n" + "\n".join(rows)]


def _verdict(tools: Mapping[str, Figures], goal: float) -> str:
    peer, words = best_peer(tools), []
    for name in (OURS, PREFECT):
        ours = tools.get(name)
        if ours and peer:
            ratio = ours.seconds / peer.seconds
            reached = "reached" if ratio <= goal else "missed"
            words.append(f"{name} takes {ratio:.2f} of {peer.tool}'s time (goal: {goal:g} at most, {reached})")
    return "; ".join(words) + "." if words else "No peer was measured."


def _table(tools: Mapping[str, Figures]) -> str:
    ours = tools.get(OURS)
    lines = [HEAD, "|---" * HEAD.count(" | ") + "|---|"]
    for each in _sorted(tools):
        ratio = f"{ours.seconds / each.seconds:.2f}" if ours else ""
        cells = (
            each.tool,
            each.rounds,
            f"{each.seconds:.1f} ({each.lowest:.1f}–{each.highest:.1f})",
            ratio,
            "" if each.first is None else f"{each.first:.1f}",
            f"{each.cpu:.1f}",
            f"{each.guest_cpu:.1f}",
            f"{each.zfs_processes:.0f}",
            f"{each.connections:.0f}",
            f"{each.packets:.0f}",
            f"{each.load:.1f}",
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _sorted(tools: Mapping[str, Figures]) -> list[Figures]:
    return sorted(tools.values(), key=lambda each: each.seconds)


def _slug(shape: str) -> str:
    words = "".join(char if char.isalnum() or char == "." else " " for char in shape)
    return "-".join(words.lower().split())
