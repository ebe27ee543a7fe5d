"""The pair: a source and a box, started together, ended together."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab import accel, image, leash, paths, power, state
from lab.errors import LabError
from lab.guest import ROLES, Guest, Role

_LOCK: Final = "owner.lock"
SESSION: Final = "session"


@dataclass(frozen=True)
class Lab:
    """Two machines with real ZFS."""

    folder: Path
    source: Guest
    box: Guest

    @property
    def guests(self) -> tuple[Guest, Guest]:
        """Both."""
        return self.source, self.box

    @property
    def key_file(self) -> Path:
        """The private SSH key both accept, for root and for zoffsite."""
        return self.source.key_file

    def reset(self) -> None:
        """Fresh pools and whole wires on both."""
        _both(Guest.reset, self.guests)

    @classmethod
    @contextlib.contextmanager
    def up(cls, source: str = "2.1", box: str = "2.3", name: str | None = None) -> Iterator[Lab]:
        """Start both, with their pools; end both when the block ends, however it ends."""
        image.check_tools()
        built = {version: image.ensure(version) for version in (source, box)}
        chosen = accel.choose(built[source])
        for one in built.values():
            state.ensure(one, chosen)
        folder = paths.runs() / (name or secrets.token_hex(4))
        with _owned(folder):
            ports = iter(state.free_ports(4))
            key = image.key_file()
            versions: dict[Role, str] = {"source": source, "box": box}
            guests = [
                Guest(folder / role, role, versions[role], chosen, next(ports), next(ports), key, os.getpid())
                for role in ROLES
            ]
            for guest in guests:
                guest.folder.mkdir(mode=0o700)
                guest.write()
            _both(Guest.restart_blank, guests)
            yield cls(folder, *guests)

    @classmethod
    def attach(cls, name: str = SESSION) -> Lab:
        """The lab another process holds, such as `scripts/lab up`."""
        folder = paths.runs() / name
        if leash.holder(folder, _LOCK) is None:
            raise LabError(f"find the lab {name!r}", "none runs", "scripts/lab up")
        return cls(folder, *(Guest.read(folder / role) for role in ROLES))


def owner(name: str = SESSION) -> int | None:
    """The pid of the process that holds a lab."""
    return leash.holder(paths.runs() / name, _LOCK)


def running() -> list[str]:
    """The names of the labs that run, whoever holds them."""
    folders = [folder for folder in paths.runs().iterdir() if folder.is_dir()]
    return sorted(folder.name for folder in folders if leash.holder(folder, _LOCK) is not None)


def clean_up() -> None:
    """Remove what killed labs left."""
    with _alone():
        sweep()


def sweep() -> None:
    """Remove what a lab left whose holder was killed: its guests are dead already, its folder may be there."""
    for folder in paths.runs().iterdir():
        if folder.is_dir() and leash.holder(folder, _LOCK) is None:
            _end(folder)


def _both(action: Callable[[Guest], None], guests: Iterable[Guest]) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(action, guests))


@contextlib.contextmanager
def _owned(folder: Path) -> Iterator[None]:
    with _alone():
        sweep()
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = (folder / _LOCK).open("a+")
        try:
            leash.take(lock.fileno())
        except BlockingIOError:
            lock.close()
            raise LabError(f"start the lab {folder.name!r}", "it runs already", "scripts/lab down") from None
    with lock:
        try:
            yield
        finally:
            _end(folder)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One process at a time: a folder whose lock is not taken yet looks like one whose holder died."""
    with (paths.runs() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _end(folder: Path) -> None:
    for role in ROLES:
        with contextlib.suppress(FileNotFoundError):
            power.stop(folder / role)
    shutil.rmtree(folder, ignore_errors=True)
