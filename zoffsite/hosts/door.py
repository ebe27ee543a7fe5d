"""Try the box's door from outside: what must be refused, and where nobody must answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

import paramiko

from zoffsite.hosts.ssh import connect
from zoffsite.hosts.ssh_errors import connection_lost
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.facts import Attempt, Knock
from zoffsite.model.job import SshHost

FORBIDDEN = ("sh -c id", "zfs list", "hello; id", "send x y", "rollback x y")
"""Requests that do no harm where they are granted, and show that they were."""
REFUSED = 77
"""What the gate exits with."""
PATIENCE = 5.0
"""Seconds to wait at a door that should not be there."""
SHOWN = 100
"""Bytes of what a program said that should not have run."""

Start = Callable[[paramiko.Channel], object]
Way = Callable[[paramiko.Transport], str]
"""Says what it was given, "" where it was refused."""


def try_forbidden(host: SshHost) -> tuple[Attempt, ...]:
    """Ask, with the job's own key, for what the gate must refuse, and for ways of SSH that lead past it.

    Raises UnreachableError where nobody answers, TransferError where the connection is lost on the way.
    """
    starts: dict[str, Start] = {
        **{each: partial(paramiko.Channel.exec_command, command=each) for each in FORBIDDEN},
        "a shell": paramiko.Channel.invoke_shell,
        "file transfer": partial(paramiko.Channel.invoke_subsystem, subsystem="sftp"),
    }
    ways: dict[str, Way] = {what: partial(_program, start=start) for what, start in starts.items()}
    ways |= {"a terminal": _terminal, "forwarding": _forwarding}
    return tuple(_attempt(host, what, way) for what, way in ways.items())


def knock(host: SshHost, addresses: Iterable[str]) -> Iterator[Knock]:
    """Try to log in at addresses where the box must not answer."""
    for address in addresses:
        try:
            _shut(connect(replace(host, host=address, connect_timeout=PATIENCE)))
        except ZoffsiteError as error:
            yield Knock(address=address, code=error.code)
        else:
            yield Knock(address=address, code="")


def _attempt(host: SshHost, what: str, way: Way) -> Attempt:
    transport = connect(host)
    # The library waits for some answers without end; a box that never gives them is cut off.
    patience = threading.Timer(3 * PATIENCE, transport.close)
    patience.start()
    try:
        given = way(transport)
    except (paramiko.SSHException, OSError, EOFError) as error:
        if not transport.is_active():
            raise connection_lost(host.label, f"trying {what}") from error
        given = ""
    finally:
        patience.cancel()
        _shut(transport)
    return Attempt(what=what, refused=not given, outcome=given or "refused")


def _program(transport: paramiko.Transport, start: Start) -> str:
    channel = transport.open_session(timeout=PATIENCE)
    start(channel)
    channel.shutdown_write()
    if not channel.status_event.wait(PATIENCE):
        return "it was started, and runs"
    said = channel.recv(SHOWN).decode("utf-8", "replace") if channel.recv_ready() else ""
    return "" if channel.exit_status == REFUSED and not said else f"exit code {channel.exit_status} {said}"


def _terminal(transport: paramiko.Transport) -> str:
    transport.open_session(timeout=PATIENCE).get_pty()
    return "a terminal was given"


def _forwarding(transport: paramiko.Transport) -> str:
    """To the box's own sshd: where it listens on the tunnel's address alone, only a refusal tells."""
    try:
        transport.open_channel("direct-tcpip", ("127.0.0.1", 22), ("127.0.0.1", 1), timeout=PATIENCE)
    except paramiko.ChannelException as error:
        return "" if error.code == paramiko.common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED else "it was tried"
    return "a connection into the box was made"


def _shut(transport: paramiko.Transport) -> None:
    transport.close()
    transport.sock.close()
    transport.join(PATIENCE)
