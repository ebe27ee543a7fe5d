"""Floor 2: several runs may use one removable disk at once; the last one exports it.

Each holds a shared flock(2) on a file of the disk. Whoever is done asks for it alone: he gets it when nobody else uses
the disk, and nobody can begin to while he exports it. The kernel lets go of it when a process ends, in whatever way.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoffsite.model.errors import OperationError
from zoffsite.model.job import Disk


class DiskUse:
    """One run's use of a disk; see `using`."""

    def __init__(self, file: int) -> None:
        self._file = file

    def alone(self) -> bool:
        """At the end: True when nobody else uses the disk, and nobody will before the block of `using` ends."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def using(disk: Disk, directory: Path) -> Iterator[DiskUse]:
    """Use `disk` for the length of the block; waits while another run is just exporting it.

    Raises OperationError "no-state-dir" when there is no place for the file.
    """
    path = directory / "locks" / f"disk-{disk.guid}.use"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise OperationError(
            "use",
            disk.label,
            f"{path} cannot be opened ({error.strerror})",
            f"make {path.parent} writable for this user, or set ZOFFSITE_STATE_DIR to a directory that is",
            code="no-state-dir",
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield DiskUse(file)
    finally:
        os.close(file)
