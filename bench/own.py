"""Figures without a peer, against a limit of our own: memory and time of planning, and the rate of the digest."""

from __future__ import annotations

import json
from pathlib import Path

from bench import digest, memory
from bench.shapes import Shape

OWN = Path(__file__).with_name("own.json")
LARGEST = Shape(datasets=1000, snapshots=1000, arrived=1000)
MIB, SECONDS, RATE = 300, 5, 0.8
"""The most memory and time that planning of LARGEST may take, and the least that the digest reaches of BLAKE2b."""
BLOCK = 128 << 10


def measure_own() -> None:
    """Write them down; the best of several for the digest."""
    _, said = memory.measured(LARGEST)
    plain, ours = digest.rates(digest.stream(digest.write(BLOCK)))
    size = f"{LARGEST.datasets} × {LARGEST.snapshots}, all of it in the ledger"
    rows = [
        _row(f"Planning {size}, highest memory in MiB", said["mib"], MIB, 1.0, higher=False),
        _row(f"Planning {size}, deciding, seconds of CPU", said["decided"], SECONDS, 1.0, higher=False),
        _row("Digest of blocks of 128 KiB, MB/s, beside plain BLAKE2b", ours, plain, RATE, higher=True),
    ]
    OWN.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")


def _row(row: str, ours: float, other: float, goal: float, *, higher: bool) -> dict[str, object]:
    """As in results.json; `other` stands where a peer would."""
    return {
        "row": row,
        "ours": round(ours, 2),
        "best_peer": round(other, 2),
        "ratio": round(ours / other, 3),
        "goal": goal,
        "higher_is_better": higher,
    }
