"""What a drill needs of the source beside a restore: a scratch, and a look at what came back. Needs root there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from zoffsite.box.parts import program
from zoffsite.hosts.commands import Commands
from zoffsite.hosts.runner import Runner
from zoffsite.hosts.telling import OnBytes, hear
from zoffsite.model.drill import Comparison
from zoffsite.model.errors import OperationError
from zoffsite.model.version import Snapshot
from zoffsite.zfs import argv, scratch
from zoffsite.zfs.comparing import compare_blocks, compare_files, parse_line
from zoffsite.zfs.stderr import zfs_error

PROGRAM = program("comparison", "zoffsite")
TRIES = 60
WAIT = 0.5
"""Seconds between tries to destroy: what was killed lets go of its mounts and devices a moment later."""
NOT_YET = ("busy", "held", "already-exists", "timeout")
"""What zfs says of a dataset that something still has open; the third one of its parent."""


class Rehearsal:
    """Every verb raises what zfs.stderr makes of a failed command, and what Runner.run raises."""

    def __init__(self, runner: Runner) -> None:
        self._zfs = Commands(runner)

    @property
    def label(self) -> str:
        """How messages name this host."""
        return self._zfs.label

    def create(self, dataset: str, job: str) -> None:
        """Make the scratch of `job`. Raises OperationError "not-root" for a user that may not mount."""
        if self._zfs.run(["id", "-u"]).stdout.strip() != "0":
            raise _not_root(self.label)
        self._zfs.do("create", dataset, scratch.create_scratch(dataset, job))

    @contextmanager
    def scratch(self, dataset: str, job: str) -> Iterator[None]:
        """A new scratch of `job`, for as long as the block lasts. Raises what `create` does."""
        self.create(dataset, job)
        try:
            yield
        finally:
            self.destroy(dataset)

    def is_there(self, dataset: str) -> bool:
        """Whether there is such a dataset."""
        done = self._zfs.do("look at", dataset, scratch.read_mark(dataset), fine="dataset-missing")
        return done.exit_code == 0

    def owner(self, dataset: str) -> str | None:
        """The job whose scratch this dataset is; None where it is nobody's."""
        done = self._zfs.do("look at", dataset, scratch.read_mark(dataset))
        return scratch.parse_mark(done.stdout, self.label)

    def destroy(self, dataset: str) -> None:
        """Destroy a scratch, also while the run is being stopped. The caller has seen whose it is."""
        for left in reversed(range(TRIES)):
            done = self._zfs.run(scratch.destroy_scratch(dataset), undoing=True)
            if done.exit_code == 0:
                return
            error = zfs_error("destroy", dataset, done.exit_code, done.stderr, self.label)
            if error.code == "dataset-missing":
                return
            if left == 0 or error.code not in NOT_YET:
                raise error
            time.sleep(WAIT)

    def show_as(self, live: str, back: str) -> None:
        """Let `back` show the attributes that `live` shows."""
        done = self._zfs.do("look at", live, scratch.read_visible(live))
        self._zfs.do("set", back, scratch.set_visible(back, scratch.parse_visible(done.stdout, self.label)))

    def clone(self, snapshot: Snapshot, dataset: str) -> None:
        """The snapshot of a volume as a volume of its own."""
        self._zfs.do("clone", snapshot.full_name, scratch.clone(snapshot.full_name, dataset))

    def write(self, dataset: str, files: Mapping[str, str]) -> None:
        """Write files, by name, into the top directory of a mounted dataset: each whole, or not at all."""
        place = self._zfs.do("look at", dataset, argv.mountpoint(dataset)).stdout.strip()
        for name, text in files.items():
            self._zfs.do("write into", dataset, scratch.write_file(f"{place}/{name}", text))

    def keylocation(self, dataset: str) -> str:
        """Where the key of an encryptionroot is read from."""
        return self._zfs.do("look at", dataset, scratch.read_keylocation(dataset)).stdout.strip()

    def compare_files(self, live: str, back: str, told: str, stall: float, on_bytes: OnBytes) -> Comparison:
        """Two snapshots of filesystems, entry by entry. `on_bytes` hears how many were read in all."""
        return self._compare(live, compare_files(live, back, PROGRAM, told), stall, on_bytes)

    def compare_blocks(self, live: str, back: str, stall: float, on_bytes: OnBytes) -> Comparison:
        """Two volumes, byte by byte."""
        return self._compare(live, compare_blocks(live, back, PROGRAM), stall, on_bytes)

    def _compare(self, subject: str, command: list[str], stall: float, on_bytes: OnBytes) -> Comparison:
        process = self._zfs.open(command)
        return hear(process, "compare", subject, self.label, parse=parse_line, stall=stall, on_bytes=on_bytes)


def _not_root(label: str) -> OperationError:
    return OperationError(
        "drill on",
        label,
        "only root may mount there, and look at all files",
        "run it as root: sudo zoffsite drill; for another machine, let `user` of its [source.NAME] be root",
        code="not-root",
    )
