"""A `zfs` on a guest that lies: it stands first in the PATH that our commands get, and does as it likes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lab.guest import Guest

REAL = "/usr/sbin/zfs"
PLACE = "/usr/local/sbin/zfs"


@contextmanager
def impostor(guest: Guest, user: str, verb: str, body: str) -> Iterator[None]:
    """While the block lasts, `zfs VERB …` of `user` runs `body`, a shell script; all else stays as it is."""
    honest = f'[ "$(id -un)" = {user} ] && [ "$1" = {verb} ] || exec {REAL} "$@"'
    guest.put(f"#!/bin/bash\n{honest}\n{body}\n".encode(), PLACE, 0o755)
    try:
        yield
    finally:
        guest.run(["rm", PLACE])
