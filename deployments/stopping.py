"""Stop what runs jobs for Prefect in order: first its runs, which clean up and say how they ended, then itself.

Told to stop, a worker alone kills its runs at once (PrefectHQ/prefect#22528), and so does `serve` of Prefect 3.8: no
report, no alert, and in the UI they stay in state Running.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

PATIENCE = 60.0
"""Seconds for runs to end both sides of their transfers, save their reports and tell Prefect."""
HELPER = b"resource_tracker"
"""In the command of a process that Python's multiprocessing keeps beside it: it ignores SIGTERM, and is no run."""


def run_and_stop_in_order(argv: Sequence[str]) -> int:
    """Run Prefect's worker or its `serve` until it ends, or we are told to stop; its exit code, 0 if we were."""
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


def _stop_runs(starter: int) -> None:
    """Until none is left: as long as we wait for the first, new ones may be picked up."""
    deadline = time.monotonic() + PATIENCE
    told = set[int]()
    while (left := set(runs(starter))) and time.monotonic() < deadline:
        for run in left - told:
            with suppress(ProcessLookupError):
                _tell(run)
        told |= left
        time.sleep(0.1)  # they are not our children, so that nobody can wait for them


def _tell(run: int) -> None:
    """A worker's runs lead process groups of their own; those of `serve` are in its group."""
    if os.getpgid(run) == run:
        os.killpg(run, signal.SIGTERM)
    else:
        os.kill(run, signal.SIGTERM)


def runs(starter: int) -> Iterator[int]:
    """The processes that `starter` has started and that still run; proc(5)."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if int(parent) == starter and state != "Z" and HELPER not in words:
            yield int(folder.name)
