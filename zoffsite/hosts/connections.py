"""The connections of this process: one SSH connection per host, whoever asks and however many threads do."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime
from typing import Self

from zoffsite.hosts.endpoint import Box, PlainBox, Source
from zoffsite.hosts.gatebox import GateBox
from zoffsite.hosts.limiter import Limiter
from zoffsite.hosts.local import LocalRunner
from zoffsite.hosts.pools import Pools
from zoffsite.hosts.receiver import Receiver
from zoffsite.hosts.rehearsal import Rehearsal
from zoffsite.hosts.runner import BOX_STDOUT, TRUSTED_STDOUT, Runner
from zoffsite.hosts.ssh import SshRunner
from zoffsite.hosts.transfers import transfers
from zoffsite.model.job import Disk, Job, SshHost, Window
from zoffsite.planning.bandwidth import rate_at


class Connections:
    """A registry of hosts. Nothing is connected before it is used; what died is connected again. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runners: dict[tuple[SshHost | None, int, bool], Runner] = {}
        self._limiters: dict[tuple[str, int | None, tuple[Window, ...]], Limiter] = {}

    def source_of(self, job: Job) -> Source:
        """The machine that `job` backs up."""
        return Source(self._runner(job.source, TRUSTED_STDOUT))

    def box_of(self, job: Job) -> Box:
        """The machine that `job` backs up to. Here a gate takes the place of plain zfs."""
        host = job.source if isinstance(job.box, Disk) else job.box
        if job.gated:
            return GateBox(self._runner(host, BOX_STDOUT, bare=True), job.root)
        return PlainBox(self._runner(host, BOX_STDOUT), job.root)

    def restore_box_of(self, job: Job) -> Box:
        """The same as `box_of`, with the key for restores where there is one of its own."""
        if job.restore_identity is None or isinstance(job.box, Disk):
            return self.box_of(job)
        return self.box_of(replace(job, box=replace(job.box, identity_file=job.restore_identity)))

    def receiver_of(self, job: Job) -> Receiver:
        """The same machine as `source_of`, to which a restore brings back what the box has."""
        return Receiver(self._runner(job.source, TRUSTED_STDOUT))

    def rehearsal_of(self, job: Job) -> Rehearsal:
        """The same machine, where a drill makes its scratch."""
        return Rehearsal(self._runner(job.source, TRUSTED_STDOUT))

    def pools_of(self, job: Job) -> Pools:
        """The pools of the source machine, where a removable disk is imported."""
        return Pools(self._runner(job.source, TRUSTED_STDOUT))

    def limiter_of(self, job: Job) -> Limiter:
        """The bandwidth of `job`, shared by all its transfers in this process."""
        with self._lock:
            key = (job.name, job.bandwidth, job.windows)
            if key not in self._limiters:
                self._limiters[key] = Limiter(
                    lambda: rate_at(job, datetime.now().time()), wait=transfers.stop_event.wait
                )
            return self._limiters[key]

    def close(self) -> None:
        """Close every connection; the next use connects again."""
        with self._lock:
            runners = tuple(self._runners.values())
            self._runners.clear()
        for runner in runners:
            runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _runner(self, host: SshHost | None, stdout_limit: int, *, bare: bool = False) -> Runner:
        with self._lock:
            key = (host, stdout_limit, bare)
            if key not in self._runners:
                self._runners[key] = (
                    LocalRunner(stdout_limit) if host is None else SshRunner(host, stdout_limit, bare=bare)
                )
            return self._runners[key]


_shared = Connections()


def shared() -> Connections:
    """The one registry of this process: tasks reach their hosts through it, for they must not carry connections."""
    return _shared


def close_shared() -> None:
    """Close every connection of the process."""
    _shared.close()
