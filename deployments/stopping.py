"""Stop Prefect's worker in the right order: first its runs, which clean up and say how they ended, then itself.

Told to stop, the worker alone kills its runs at once (PrefectHQ/prefect#22528): no report, no alert, and in the UI they
stay in state Running.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

PATIENCE = 60.0
"""Seconds for runs to end both sides of their transfers, save their reports and tell Prefect."""


def run_worker(argv: Sequence[str]) -> int:
    """Run the worker until it ends, or until we are told to stop; its exit code, 0 where it was stopped."""
    with subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *argv], start_new_session=True) as worker:
        stopped = False

        def stop(_number: int, _frame: FrameType | None) -> None:
            nonlocal stopped
            if not stopped:
                stopped = True
                _stop_runs(worker.pid)
                worker.terminate()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        code = worker.wait()
        return 0 if stopped else code


def _stop_runs(worker: int) -> None:
    """Each run leads a process group of its own."""
    deadline = time.monotonic() + PATIENCE
    for run in children(worker):
        try:
            os.killpg(run, signal.SIGTERM)
        except ProcessLookupError:
            continue
    while any(children(worker)) and time.monotonic() < deadline:
        time.sleep(0.1)  # they are not our children, so that nobody can wait for them


def children(parent: int) -> Iterator[int]:
    """The processes that `parent` has started and that still run; proc(5)."""
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, ppid = file.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(ppid) == parent and state != "Z":
            yield int(file.parent.name)
