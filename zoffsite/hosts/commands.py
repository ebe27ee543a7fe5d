"""What all ends have in common: run a command and judge how it ended."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from zoffsite.box.parts import program
from zoffsite.hosts.reading import Reading, reading
from zoffsite.hosts.runner import Completed, Process, Runner
from zoffsite.model.errors import OperationError
from zoffsite.model.openzfs import Versions
from zoffsite.model.plan import SendStep
from zoffsite.zfs import argv
from zoffsite.zfs.digest import digest_send
from zoffsite.zfs.holds import complaints
from zoffsite.zfs.stderr import zfs_error
from zoffsite.zfs.versions import parse_versions

log = logging.getLogger(__name__)
T = TypeVar("T")

DIGEST_PROGRAM = program("digest", "zoffsite.stream")
"""What hosts without a gate run: nothing of ours is installed there."""
HOLDING = 3600.0
"""Seconds for holds: each waits until a transaction group is on the disks, which takes up to some seconds."""


class Commands:
    """The commands of one host. Each raises what zfs.stderr makes of a failed command, and what Runner.run raises."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner

    @property
    def label(self) -> str:
        """How messages name this host."""
        return self.runner.label

    def run(self, command: Sequence[str], timeout: float = 300, *, undoing: bool = False) -> Completed:
        """Run to the end; the exit code is the caller's to judge. `undoing`: also while the run is being stopped."""
        self._say(command)
        return self.runner.run(command, timeout=timeout, undoing=undoing)

    def open(self, command: Sequence[str]) -> Process:
        """Start a program as one end of a transfer."""
        self._say(command)
        return self.runner.open(command)

    def _say(self, command: Sequence[str]) -> None:
        """For `--verbose`: the command as it could be typed there."""
        log.debug("%s: $ %s", self.label, shlex.join(command))

    def do(
        self,
        operation: str,
        subject: str,
        command: Sequence[str],
        *,
        fine: str = "",
        timeout: float = 300,
        undoing: bool = False,
    ) -> Completed:
        """Run; a failure is raised unless its code is `fine`. `undoing`: see `run`."""
        done = self.run(command, timeout, undoing=undoing)
        if done.exit_code != 0:
            error = zfs_error(operation, subject, done.exit_code, done.stderr, self.label)
            if error.code != fine:
                raise error
        return done

    @contextmanager
    def reading(self, command: Sequence[str], timeout: float) -> Iterator[Reading]:
        """Run, and read a long answer line by line; the exit code is the caller's to judge."""
        with reading(self.open(command), f"{' '.join(command[:2])} on {self.label}", timeout) as said:
            yield said

    @contextmanager
    def lines(
        self, operation: str, subject: str, command: Sequence[str], timeout: float, *, fine: str = ""
    ) -> Iterator[Iterator[str]]:
        """The lines of a long answer; a failure is raised where they end, unless its code is `fine`."""
        with self.reading(command, timeout) as said:
            yield self._judged(said, operation, subject, fine)

    def _judged(self, said: Reading, operation: str, subject: str, fine: str) -> Iterator[str]:
        yield from said.lines()
        if said.ended is not None and said.ended.exit_code != 0:
            error = zfs_error(operation, subject, said.ended.exit_code, said.ended.stderr, self.label)
            if error.code != fine:
                raise error

    def read_if_there(
        self, dataset: str, command: Sequence[str], timeout: float, take: Callable[[Iterator[str]], T]
    ) -> T | None:
        """What `take` makes of the listing of `dataset`; None where there is none, whatever was listed."""
        try:
            with self.lines("list", dataset, command, timeout) as lines:
                return take(lines)
        except OperationError as error:
            if error.code != "dataset-missing":
                raise
            return None

    def do_each(
        self, operation: str, subject: str, command: Sequence[str], *, fine: Collection[str], undoing: bool = False
    ) -> Completed:
        """Run a command that goes on after one of its subjects has failed; lines that say any of `fine` are none."""
        done = self.run(command, HOLDING, undoing=undoing)
        said = complaints(done.stderr, fine)
        if done.exit_code != 0 and (said or not done.stderr):
            raise zfs_error(operation, subject, done.exit_code, said, self.label)
        return done

    def versions(self) -> Versions:
        """Which OpenZFS this is."""
        return parse_versions(self.do("tell the version of", "zfs", argv.version()).stdout, self.label)

    def open_digest(self, step: SendStep, nonce: bytes, rate: int | None, *, telling: bool = False) -> Process:
        """Start to digest the stream of `step` where the data is. See zfs.digest for what it says."""
        return self.open(digest_send(step, nonce, DIGEST_PROGRAM, rate, telling=telling))

    def destroy_snapshots(self, dataset: str, names: Sequence[str]) -> frozenset[str]:
        """zfs destroys all of a list or none: what cannot go just now is found by halving, and kept. Which ones."""
        try:
            for command in argv.destroy_snapshots(dataset, names):
                self.do("destroy snapshots of", dataset, command, fine="dataset-missing")
        except OperationError as error:
            if error.code not in ("busy", "held"):
                raise
            if len(names) == 1:
                log.info("%s@%s is kept: something still needs it", dataset, names[0])
                return frozenset(names)
            middle = len(names) // 2
            return self.destroy_snapshots(dataset, names[:middle]) | self.destroy_snapshots(dataset, names[middle:])
        return frozenset()
