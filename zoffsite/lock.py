"""Floor 2: one run of a job at a time, whoever starts it: a terminal, a timer, Prefect.

The lock is an flock(2): the kernel lets go of it when its process ends, in whatever way. The file is never removed, for
somebody may hold it open already and would then hold a lock that nobody else can see.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from zoffsite.model.errors import LockHeldError, OperationError

_LARGEST = 4096
_LOOKS = 10
_PAUSE = 0.02


class JobLock:
    """Context manager: inside it, no other process on this state directory runs `job`.

    `how` says who runs it, for whoever finds the lock held: "zoffsite backup", "Prefect run brave-otter"; `ident` is
    what the driver knows the run by. `left_by` and `left_ident`, inside, are those of a run before that ended without
    leaving: it was killed, or the machine went down. "": none.
    Entering raises LockHeldError at once when the lock is held, OperationError when there is no place for the file.
    """

    def __init__(self, job: str, how: str, directory: Path, ident: str = "") -> None:
        self.job = job
        self.how = how
        self.ident = ident
        self.path = directory / "locks" / f"{job}.lock"
        self.left_by = self.left_ident = ""
        self._file: int | None = None

    def __enter__(self) -> Self:
        file = self._open()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(file)
            os.close(file)
            raise self._held(holder) from None
        except BaseException:
            os.close(file)
            raise
        self._file = file
        left = _read(file)
        self.left_by, self.left_ident = str(left.get("how", "")), str(left.get("ident", ""))
        self._say_who()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise OperationError(
                "lock",
                f"job {self.job}",
                f"{self.path} cannot be opened ({error.strerror})",
                "run it as the one who runs the jobs (sudo), or set state_dir in zoffsite.toml to a directory that all "
                "who run them can write to",
                code="no-state-dir",
            ) from error

    def _say_who(self) -> None:
        """Who holds the lock is a courtesy: a full disk must not stop a backup for it."""
        assert self._file is not None  # noqa: S101 - only called while it is held
        started = datetime.now(UTC).isoformat(timespec="seconds")
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "started": started, "how": self.how}
        holder |= {"ident": self.ident} if self.ident else {}
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, json.dumps(holder).encode(), 0)
        except OSError:
            return

    def _held(self, holder: dict[str, object]) -> LockHeldError:
        who = f"pid {holder['pid']} ({holder['how']}) since {holder['started']} on {holder['host']}" if holder else ""
        return LockHeldError(
            "run",
            f"job {self.job}",
            f"it is being run by {who or 'another process'}",
            f"wait until it ends, or stop it: kill {holder['pid']}" if holder else "wait until it ends",
            code="locked",
        )


def _holder(file: int) -> dict[str, object]:
    """Who holds the lock, or nothing if it does not say so.

    It may be just about to write it, in the place of what one that was killed has left.
    """
    for _ in range(_LOOKS):
        holder = _read(file)
        if holder and _lives(holder):
            return holder
        time.sleep(_PAUSE)
    return {}


def _lives(holder: dict[str, object]) -> bool:
    """False when its process is surely gone; of another machine nobody here knows."""
    pid = holder["pid"]
    if holder["host"] != socket.gethostname() or not isinstance(pid, int):
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _read(file: int) -> dict[str, object]:
    try:
        holder = json.loads(os.pread(file, _LARGEST, 0))
        return holder if {"pid", "host", "started", "how"} <= set(holder) else {}
    except (ValueError, TypeError):
        return {}
