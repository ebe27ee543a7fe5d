"""The connections of this process: one SSH connection per host, whoever asks and however many threads do."""

from __future__ import annotations

import threading

from zoffsite.hosts.local import LocalRunner
from zoffsite.hosts.runner import Runner
from zoffsite.hosts.ssh import SshRunner
from zoffsite.model.job import SshHost


class Connections:
    """A registry of runners. Nothing is connected before it is used."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runners: dict[tuple[SshHost | None, int], Runner] = {}

    def runner(self, host: SshHost | None, stdout_limit: int) -> Runner:
        """The runner for `host` (None: this machine); the same one each time."""
        with self._lock:
            key = (host, stdout_limit)
            if key not in self._runners:
                self._runners[key] = LocalRunner(stdout_limit) if host is None else SshRunner(host, stdout_limit)
            return self._runners[key]

    def close(self) -> None:
        """Close every connection; the next use connects again."""
        with self._lock:
            runners = tuple(self._runners.values())
            self._runners.clear()
        for runner in runners:
            runner.close()


connections = Connections()
"""The one registry of this process. Tasks reach their hosts through it: they never carry a connection themselves."""
