"""A TPM in software, for one guest at a time; its state is a folder, as the chip's is on the board."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lab.errors import LabError

SOCKET: Final = "tpm.sock"
STATE: Final = "tpm"
VERSIONS: Final = {"2.0": "tpm-crb", "1.2": "tpm-tis"}
"""And the way in which the processor speaks to it."""
_PATIENCE_S: Final = 10.0


def qemu_words(version: str) -> tuple[str, ...]:
    """Of QEMU's command line."""
    device = f"{VERSIONS[version]},tpmdev=tpm"
    return (
        *("-chardev", f"socket,id=tpm,path={SOCKET}"),
        *("-tpmdev", "emulator,id=tpm,chardev=tpm", "-device", device),
    )


@contextlib.contextmanager
def tpm(folder: Path, version: str) -> Iterator[None]:
    """It is there while the block runs, and dies with this process."""
    (folder / STATE).mkdir(exist_ok=True)
    (folder / SOCKET).unlink(missing_ok=True)
    argv = ["swtpm", "socket", "--tpmstate", f"dir={STATE}", "--ctrl", f"type=unixio,path={SOCKET}"]
    argv += ["--tpm2"] if version == "2.0" else []
    with (folder / "swtpm.log").open("ab") as log:
        guarded = ["setpriv", "--pdeathsig", "KILL", *argv, "--flags", "startup-clear"]
        process = subprocess.Popen(guarded, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait(process, folder)
        yield
    finally:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not (folder / SOCKET).exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise LabError("start a TPM", (folder / "swtpm.log").read_text()[-400:] or "swtpm does not listen")
        time.sleep(0.02)  # swtpm tells nobody when it listens
