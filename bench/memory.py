"""The memory and the time of a run's looking and planning, with recorded listings: `python -m bench.memory`.

All of it is the real thing, but for a `zfs` that prints the recording. Each measurement is a process of its own,
because a process never gives memory back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.planning import JOB
from bench.shapes import NOW, ROOT, Shape
from zoffsite.actions.chain import split
from zoffsite.actions.look import look_at_source
from zoffsite.actions.memory import take_note
from zoffsite.actions.plan import find_common_base
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.endpoint import Box, PlainBox, Source
from zoffsite.hosts.local import LocalRunner
from zoffsite.model.inventory import Inventory
from zoffsite.model.job import Job

SHAPES = tuple(Shape(datasets=1000, snapshots=count, arrived=count) for count in (20, 100, 300, 1000))

ZFS = f"""#!/bin/sh
case "$*" in *{ROOT}*) exec cat "$0.box";; *) exec cat "$0.source";; esac
"""


def record(shape: Shape, folder: Path) -> None:
    """A `zfs` that prints both listings as the hosts would."""
    for name, text in (("zfs", ZFS), ("zpool", "#!/bin/sh\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (folder / "zfs.source").write_text(shape.source())
    (folder / "zfs.box").write_text(shape.box())


class Recorded(Connections):
    """Both hosts are this machine. `reading`: seconds of CPU that it took to read what they say."""

    reading = 0.0

    def source_of(self, job: Job) -> Source:  # noqa: ARG002 - of any job
        """See Connections."""
        return Source(LocalRunner())

    def box_of(self, job: Job) -> Box:
        """See Connections."""
        hosts = self

        class Timed(PlainBox):
            def inventory(self, root: str) -> Inventory:
                began = time.process_time()
                found = super().inventory(root)
                hosts.reading += time.process_time() - began
                return found

        return Timed(LocalRunner(), job.root)


def plan(folder: Path) -> dict[str, float]:
    """Seconds of CPU to read and to decide, and the highest memory of this process in MiB."""
    os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"
    job, hosts = replace(JOB, ledger=folder / "ledger"), Recorded()
    began = time.process_time()
    facts = look_at_source(job, hosts, NOW)
    looked = time.process_time()
    todo = find_common_base(job, hosts, facts, NOW)
    known, rest = split(job, todo)
    assert len(known) + len(rest) == len(facts.chosen)
    decided = time.process_time()
    said = {
        "read": round(looked - began + hosts.reading, 2),
        "decided": round(decided - looked - hosts.reading, 2),
        "mib": highest() >> 10,
    }
    take_note(job, todo.datasets)
    return said


def highest() -> int:
    """Kilobytes at most so far. Not ru_maxrss, which begins with the memory of whoever started us."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1])


def measured(shape: Shape) -> tuple[dict[str, float], dict[str, float]]:
    """What `plan` says of it, each time in a process of its own: with an empty ledger, and with one that knows all."""
    with tempfile.TemporaryDirectory() as folder:
        record(shape, Path(folder))
        return _planned(folder), _planned(folder)


def _planned(folder: str) -> dict[str, float]:
    argv = [sys.executable, "-m", "bench.memory", folder]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    said: dict[str, float] = json.loads(done.stdout)
    return said


def main() -> None:
    """Two rows for each shape."""
    print("| datasets × snapshots on each side | ledger | reading | deciding | highest memory |\n|---|---|---|---|---|")
    for shape in SHAPES:
        for ledger, said in zip(("empty", "full"), measured(shape), strict=True):
            row = (f"{shape.datasets} × {shape.snapshots}", ledger, f"{said['read']} s", f"{said['decided']} s")
            print("|", " | ".join((*row, f"{said['mib']} MiB")), "|", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(plan(Path(sys.argv[1]))))
    else:
        main()
