"""A host that takes every connection and never says a word: a run that lasts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_server, socket


@contextmanager
def silent_host() -> Iterator[int]:
    """Its port on loopback."""
    with create_server(("127.0.0.1", 0)) as listener:
        kept = list[socket]()

        def take() -> None:
            while True:
                try:
                    kept.append(listener.accept()[0])
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield int(listener.getsockname()[1])
