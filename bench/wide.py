"""Planning of 1,000 datasets, and of one dataset with 10,000 snapshots: seconds and memory of each step.

python -m bench.wide
"""

from __future__ import annotations

import resource
import time
import tracemalloc
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from bench.planning import Planning
from bench.shapes import Shape

SHAPES = {
    "1,000 datasets × 20 snapshots, half sent": Shape(datasets=1000, snapshots=20, arrived=10),
    "1 dataset × 10,000 snapshots, half sent": Shape(datasets=1, snapshots=10_000, arrived=5_000),
    "1 dataset × 10,000 snapshots, none sent": Shape(datasets=1, snapshots=10_000, arrived=0),
    "1 dataset × 10,000 snapshots, all sent": Shape(datasets=1, snapshots=10_000, arrived=10_000),
}
ROUNDS = 3


def seconds(step: Callable[[], object]) -> float:
    """Of the CPU, the best of a few rounds: the others measured something else as well."""
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        step()
        times.append(time.process_time() - started)
    return min(times)


def peak(work: Planning) -> int:
    """Bytes of Python's memory at most, over all steps, the listings' texts themselves left out."""
    fresh = Planning(work.source_text, work.box_text)
    tracemalloc.start()
    for step in (fresh.parse, fresh.choose, fresh.plan, fresh.retain):
        step()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def main() -> None:
    """Measure every shape, and print the table."""
    columns = ("shape", "parse", "choose", "plan", "retention", "together", "memory")
    table = Table(*columns, title="Planning, in seconds of CPU")
    for name, shape in SHAPES.items():
        work = Planning(shape.source(), shape.box())
        times = [seconds(step) for step in (work.parse, work.choose, work.plan, work.retain)]
        memory = f"{peak(work) / 2**20:.0f} MiB"
        table.add_row(name, *(f"{each:.3f}" for each in times), f"{sum(times):.3f}", memory)
    console = Console()
    console.print(table)
    console.print(f"highest memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")


if __name__ == "__main__":
    main()
