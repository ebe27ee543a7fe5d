"""Try the box's door from outside: what must be refused, and where nobody must answer."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import paramiko

from zoffsite.hosts.ssh import SshRunner, connect
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.facts import Attempt, Knock
from zoffsite.model.job import SshHost

FORBIDDEN: tuple[tuple[str, ...], ...] = (
    (),
    ("sh", "-c", "id"),
    ("zfs", "list"),
    ("hello;id",),
    ("send", "x", "y"),
    ("rollback", "x", "y"),
)
"""Requests that do no harm where they are granted, and show that they were."""
REFUSED = 77
PATIENCE = 5.0
"""Seconds to wait at a door that should not be there."""


def try_forbidden(host: SshHost) -> Iterator[Attempt]:
    """Ask for what the gate must refuse, with the job's own key; UnreachableError where nobody answers."""
    runner = SshRunner(host, bare=True)
    try:
        for words in FORBIDDEN:
            yield _try_request(runner, words)
    finally:
        runner.close()
    yield from _try_around(host)


def _try_request(runner: SshRunner, words: Sequence[str]) -> Attempt:
    done = runner.run(list(words) or [""], timeout=30)
    refused = done.exit_code == REFUSED and not done.stdout
    outcome = "refused" if refused else f"exit code {done.exit_code}: {done.stdout[:200]} {done.stderr[:200]}"
    return Attempt(what=" ".join(words) or "a shell", refused=refused, outcome=outcome)


def knock(host: SshHost, addresses: Iterable[str]) -> Iterator[Knock]:
    """Try to log in at addresses where the box must not answer."""
    for address in addresses:
        try:
            _shut(connect(replace(host, host=address, connect_timeout=PATIENCE)))
        except ZoffsiteError as error:
            yield Knock(address=address, code=error.code)
        else:
            yield Knock(address=address, code="")


def _try_around(host: SshHost) -> Iterator[Attempt]:
    """Ways of SSH itself that lead past a command: a terminal, a program of sshd's own, other ports."""
    for what, way in (("a terminal", _terminal), ("file transfer", _file_transfer), ("forwarding", _forwarding)):
        transport = connect(host)
        # The library waits for some answers without end; a box that never gives them is cut off.
        patience = threading.Timer(2 * PATIENCE, transport.close)
        patience.start()
        try:
            outcome = way(transport)
        except (paramiko.SSHException, OSError, EOFError):
            outcome = ""
        finally:
            patience.cancel()
            _shut(transport)
        yield Attempt(what=what, refused=not outcome, outcome=outcome or "refused")


def _terminal(transport: paramiko.Transport) -> str:
    transport.open_session(timeout=PATIENCE).get_pty()
    return "a terminal was given"


def _file_transfer(transport: paramiko.Transport) -> str:
    channel = transport.open_session(timeout=PATIENCE)
    channel.invoke_subsystem("sftp")
    ended = channel.status_event.wait(PATIENCE)
    return "" if ended and channel.exit_status == REFUSED else "sftp was started"


def _forwarding(transport: paramiko.Transport) -> str:
    transport.open_channel("direct-tcpip", ("127.0.0.1", 22), ("127.0.0.1", 1), timeout=PATIENCE)
    return "a connection into the box was made"


def _shut(transport: paramiko.Transport) -> None:
    transport.close()
    transport.sock.close()
    transport.join(PATIENCE)
