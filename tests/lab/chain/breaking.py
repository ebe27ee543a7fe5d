"""Ways to break a run off, and what must be true after each of them, whatever it was."""

from __future__ import annotations

import re
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab.guest import Guest

from .stage import ENDLESS, Stage, await_true

COMMAND = re.compile(r" (\w+)@\S+: \$ (.*)")
"""How the log of --verbose shows a command that is about to be run, after the user who runs it."""
IMPATIENT = {"ZOFFSITE_JOB__HOME__STALL": "2s", "ZOFFSITE_JOB__HOME__RETRIES__COUNT": "0"}
SLOW = {"ZOFFSITE_JOB__HOME__BANDWIDTH": "150 KB/s", **IMPATIENT}


def killed_at(stage: Stage, chosen: Callable[[str], bool]) -> str | None:
    """SIGKILL a run as soon as it says a command whose label is `chosen`, and return that; None: it ended well before.

    A label is who runs what, without what changes from run to run, and the how manieth of its kind it is.
    """
    run = stage.start("--verbose", "backup", "--direct", "--json")
    said: list[str] = []
    kinds: Counter[str] = Counter()
    with _ended(run):
        assert run.stderr is not None
        for line in run.stderr:
            said.append(line)
            if found := COMMAND.search(line):
                kind = " ".join((found[1], *re.sub(r"(?<=[@#])\S+", "", found[2]).split()[:4]))
                kinds[kind] += 1
                if chosen(label := f"{kind} ({kinds[kind]})"):
                    return label
        assert run.wait() == 0, "".join(said)
        return None


@contextmanager
def under_way(stage: Stage, size: int) -> Iterator[subprocess.Popen[str]]:
    """A slow run of which `size` bytes more are on the box's disk, or that has ended before; killed in the end."""
    before = used(stage)
    run = stage.start("--verbose", "backup", "--direct", "--json", env=SLOW)
    with _ended(run):
        await_true(lambda: used(stage) > before + size or run.poll() is not None, f"{size} bytes arrive")
        yield run


@contextmanager
def between(begin: Callable[[], object], end: Callable[[], object]) -> Iterator[None]:
    """A fault that has a beginning, and an end whatever comes in between."""
    begin()
    try:
        yield
    finally:
        end()


@contextmanager
def _ended(run: subprocess.Popen[str]) -> Iterator[None]:
    """After the block the run is dead and gone; it cannot outlive ENDLESS either."""
    watchdog = threading.Timer(ENDLESS, run.kill)
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()
        run.kill()
        out, err = run.communicate()
        assert "Traceback" not in out + err, out + err


def used(stage: Stage) -> int:
    """Bytes that all replicas hold, unfinished receives included."""
    return int(stage.box.run(["zfs", "list", "-Hpo", "used", stage.root]))


def versions(guest: Guest, root: str, kinds: str) -> dict[str, list[str]]:
    """The guids of all snapshots (and bookmarks) of each dataset below `root`, oldest first."""
    found: dict[str, list[str]] = {}
    rows = guest.run(["zfs", "list", "-Hpr", "-t", kinds, "-o", "name,guid", "-s", "createtxg", root])
    for name, guid in (row.split("\t") for row in rows.splitlines()):
        found.setdefault(name.replace("#", "@").partition("@")[0], []).append(guid)
    return found


@dataclass
class Witness:
    """Looks at both sides again and again, and remembers what was on the box. `keep`: what its retention leaves."""

    stage: Stage
    datasets: Sequence[str]
    keep: int
    seen: dict[str, list[str]] = field(default_factory=dict)

    def look(self, when: str) -> None:
        """There is a common base, and what is on the box is the newest of all that ever was, without a gap."""
        here = versions(self.stage.source, self.stage.tree, "snapshot,bookmark")
        there = versions(self.stage.box, self.stage.root, "snapshot")
        for dataset in self.datasets:
            replica = there.get(self.stage.replica(dataset), [])
            seen = self.seen.setdefault(dataset, [])
            seen += [guid for guid in replica if guid not in seen]
            assert replica == seen[len(seen) - len(replica) :], f"{when}: {dataset} has a gap on the box"
            assert len(replica) >= min(self.keep, len(seen)), f"{when}: {dataset} lost snapshots on the box"
            assert not replica or replica[-1] in here[dataset], f"{when}: {dataset} has no common base any more"
