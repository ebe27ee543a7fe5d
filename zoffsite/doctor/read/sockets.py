"""`ss -Htlnp`: who listens where."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PROGRAM = re.compile(r'users:\(\("([^"]{1,40})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A TCP port that is open; `program` is "" where it was not told."""

    address: str
    port: int
    program: str

    @property
    def loopback(self) -> bool:
        """True where only the machine itself can reach it."""
        return self.address.startswith("127.") or self.address in ("::1", "::ffff:127.0.0.1")


def listeners(text: str) -> tuple[Listener, ...]:
    """One for each line."""
    return tuple(_listener(line) for line in text.splitlines() if line.strip())


def _listener(line: str) -> Listener:
    fields = line.split()
    if len(fields) < 5:
        raise ValueError("not a line of ss")
    address, _, port = fields[3].rpartition(":")
    found = _PROGRAM.search(line)
    return Listener(address=address.partition("%")[0].strip("[]"), port=int(port), program=found[1] if found else "")
