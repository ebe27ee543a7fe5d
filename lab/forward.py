"""A way through a guest to what only that guest can reach."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from lab.errors import LabError
from lab.guest import Guest
from lab.state import free_ports


@contextlib.contextmanager
def forward(guest: Guest, address: str, port: int) -> Iterator[int]:
    """A port of this computer that leads, over the management NIC and through the guest, to an address."""
    here = free_ports(1)[0]
    way = ("-L", f"127.0.0.1:{here}:{address}:{port}")
    guest.shell().control("forward", *way)
    try:
        yield here
    finally:
        with contextlib.suppress(LabError):
            guest.shell().control("cancel", *way)
