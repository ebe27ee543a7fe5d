"""Holds one QEMU process on a leash: it dies when its owner does, even by SIGKILL.

Run as a program: `python -I leash.py OWNER_PID OWNER_START FOLDER qemu …`. It detaches, starts QEMU with FOLDER as its
working directory, then waits for the first of: QEMU's end; SIGTERM, which pulls the plug and keeps the folder (the
disks); the owner's end, which pulls the plug and removes the folder. Should the leash itself be killed, the kernel
kills QEMU (PR_SET_PDEATHSIG). Standard library only and no imports from the lab: it must start fast and alone.
"""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

LOCK = "leash.lock"


def start_time(pid: int) -> str:
    """When a process began, in the kernel's ticks: together with the pid it names one process for ever."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def holder(folder: Path, name: str = LOCK) -> int | None:
    """The pid that holds a folder's lock, None when nothing does."""
    try:
        with (folder / name).open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read() or 0) or None
    except OSError:
        return None
    return None


def take(lock: int) -> None:
    """Take a lock and leave this process's pid in it. A moment's patience: `holder` takes it to look."""
    for patience in (*[0.02] * 50, 0):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if not patience:
                raise
            time.sleep(patience)
    sign(lock)


def sign(lock: int) -> None:
    """Write this process's pid into a lock it holds."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)


def end(pid: int, sig: signal.Signals = signal.SIGTERM, timeout: float = 10) -> bool:
    """Signal a process and wait until it is gone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        signal.pidfd_send_signal(handle, sig)
        return bool(select.select([handle], [], [], timeout)[0])
    except ProcessLookupError:
        return True
    finally:
        os.close(handle)


def main(argv: list[str]) -> int:
    """Detach, then hold the leash."""
    owner, started, folder, command = int(argv[0]), argv[1], Path(argv[2]), argv[3:]
    try:
        owner_gone = os.pidfd_open(owner)
    except ProcessLookupError:
        return 1
    if start_time(owner) != started:
        return 1
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    take(lock)
    ready, told = os.pipe()
    if os.fork():
        os.close(told)
        return 0 if os.read(ready, 1) else 1
    os.close(ready)
    os.setsid()
    sign(lock)
    _hold(owner_gone, folder, command, told)
    os._exit(0)


def _hold(owner_gone: int, folder: Path, command: list[str], told: int) -> None:
    unplugged, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log = os.open(folder / "qemu.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDWR)
    guarded = ["setpriv", "--pdeathsig", "KILL", *command]
    qemu = subprocess.Popen(guarded, cwd=folder, stdin=null, stdout=log, stderr=log)
    os.write(told, b"1")
    os.close(told)
    for stream in (0, 1, 2):
        os.dup2(null if stream < 2 else log, stream)
    over = os.pidfd_open(qemu.pid)
    first, _, _ = select.select([owner_gone, unplugged, over], [], [])
    qemu.kill()
    qemu.wait()
    if owner_gone in first:
        shutil.rmtree(folder, ignore_errors=True)
        _tidy(folder.parent)


def _tidy(lab: Path) -> None:
    """Remove the lab's folder when this was its last guest."""
    if not any(path.is_dir() for path in lab.iterdir()):
        shutil.rmtree(lab, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
