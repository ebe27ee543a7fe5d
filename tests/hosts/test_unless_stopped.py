"""A stop that comes while a host is still being reached."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from socket import create_server, socket

import pytest

from zoffsite.hosts.ssh import SshRunner
from zoffsite.hosts.transfers import transfers
from zoffsite.hosts.unless_stopped import unless_stopped
from zoffsite.model.errors import RunInterruptedError, UnreachableError
from zoffsite.model.job import SshHost

from .sshd import keygen, public_key

LONG = 300.0
"""Seconds that connecting may take here: more than any test."""
SOON = 60.0


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[tuple[SshHost, socket]]:
    """A host that takes connections and says nothing, and its listening socket."""
    key = keygen(tmp_path / "key")
    away = SshHost(
        host="127.0.0.1",
        port=0,
        user="me",
        host_key=public_key(key),
        identity_file=key,
        connect_timeout=LONG,
        keepalive=LONG,
    )
    with create_server(("127.0.0.1", 0)) as listener:
        yield replace(away, port=int(listener.getsockname()[1])), listener


class Asking(threading.Thread):
    """Runs a program there, and keeps what was raised."""

    def __init__(self, runner: SshRunner) -> None:
        super().__init__(daemon=True)
        self._runner = runner
        self.raised: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._runner.run(["true"])
        except BaseException as error:
            self.raised = error


def test_a_stop_is_heard_while_a_silent_host_is_being_connected_to(silent: tuple[SshHost, socket]) -> None:
    host, listener = silent
    runner = SshRunner(host)
    asking = Asking(runner)
    with listener.accept()[0]:
        transfers.stop_all()
        asking.join(SOON)
        assert isinstance(asking.raised, RunInterruptedError)
        runner.close()


def never(_: object) -> None:
    pytest.fail("undone, though it came in time")


class Told(threading.Event):
    """Something that is killed, again and again while the run is being stopped."""

    kill = threading.Event.set


def test_what_undoes_is_waited_for_although_the_run_is_being_stopped() -> None:
    told = Told()

    def work() -> str:
        for _ in range(3):  # the second time, whatever could be ended has been
            told.wait(SOON)
            told.clear()
        return "undone"

    transfers.stop_all()
    with transfers.watch() as other:
        other.add(told)
        assert unless_stopped("undo", "it", work, never, undoing=True) == "undone"


def test_what_comes_too_late_is_undone() -> None:
    may_end, undone = threading.Event(), threading.Event()

    def work() -> str:
        transfers.stop_all()
        may_end.wait(SOON)
        return "late"

    def undo(result: str) -> None:
        assert result == "late"
        undone.set()

    with pytest.raises(RunInterruptedError):
        unless_stopped("try", "it", work, undo)
    assert not undone.is_set()
    may_end.set()
    assert undone.wait(SOON)


def test_what_goes_wrong_in_time_is_raised_as_it_is() -> None:
    def work() -> None:
        raise UnreachableError("try", "it", "nobody is there", "look", code="no-answer")

    with pytest.raises(UnreachableError, match="nobody is there"):
        unless_stopped("try", "it", work, never)
