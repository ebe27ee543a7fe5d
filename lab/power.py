"""Starts and ends the QEMU process of one guest."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from lab import leash, qmp
from lab.errors import LabError

_IGNORE_SHARED: Final = (
    "migrate-set-capabilities",
    {"capabilities": [{"capability": "x-ignore-shared", "state": True}]},
)


def is_on(folder: Path) -> bool:
    """Whether QEMU runs."""
    return leash.holder(folder) is not None


def start(folder: Path, argv: list[str], owner: int | None = None) -> None:
    """Start QEMU; it dies with `owner`, this process unless told otherwise."""
    pid = owner or os.getpid()
    (folder / "qmp").unlink(missing_ok=True)
    program = [sys.executable, "-I", "-S", leash.__file__, str(pid), leash.start_time(pid), str(folder)]
    done = subprocess.run([*program, *argv], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise LabError(f"start {folder.name}", done.stderr.strip() or "its owner is gone")
    deadline = time.monotonic() + 10
    while not _greets(folder):
        if not is_on(folder) or time.monotonic() > deadline:
            log = (folder / "qemu.log").read_text(errors="replace").strip()
            raise LabError(f"start {folder.name}", f"QEMU ended: {log[-400:]}")
        time.sleep(0.01)


def _greets(folder: Path) -> bool:
    """Whether the monitor greets, which it does only when the ports are open; its socket exists before it listens."""
    try:
        qmp.execute(folder)
    except LabError:
        return False
    return True


def stop(folder: Path) -> None:
    """Pull the plug; the disks stay as they are."""
    pid = leash.holder(folder)
    if pid and not leash.end(pid):
        raise LabError(f"switch {folder.name} off", f"process {pid} does not end")


def save(folder: Path) -> None:
    """Write the machine's state to the file `machine`; its memory is already the file `ram`."""
    qmp.execute(folder, ("stop", {}), _IGNORE_SHARED, ("migrate", {"uri": "exec:cat >machine"}))
    qmp.wait_migrated(folder, timeout=120)


def load(folder: Path) -> None:
    """Continue from the state that `machine` in the folder leads to."""
    qmp.execute(folder, _IGNORE_SHARED, ("migrate-incoming", {"uri": "exec:cat machine"}))
    qmp.wait_migrated(folder, timeout=60)
    qmp.execute(folder, ("cont", {}))
