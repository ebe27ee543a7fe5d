"""A line between a client and a server on loopback, of which one direction may die alone."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def forgiving_line(port: int) -> Iterator[int]:
    """A port that leads to `port`, for one connection. The server is never told that the client sends no more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        line = threading.Thread(target=_carry, args=(listener, port))
        line.start()
        yield int(listener.getsockname()[1])
        line.join(10)
        assert not line.is_alive()


def _carry(listener: socket.socket, port: int) -> None:
    client, _ = listener.accept()
    with client, socket.create_connection(("127.0.0.1", port)) as server:
        there = threading.Thread(target=_copy, args=(client, server))
        there.start()
        _copy(server, client)
        with contextlib.suppress(OSError):  # the client may have gone first
            client.shutdown(socket.SHUT_RDWR)
        there.join(10)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
