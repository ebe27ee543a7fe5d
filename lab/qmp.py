"""QEMU's control socket: one connection for each command, so that several processes can steer one guest."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from lab.errors import LabError


def execute(folder: Path, *commands: tuple[str, dict[str, Any]], timeout: float = 30) -> list[Any]:
    """Run commands in a guest's monitor, return what each returned."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        # A path through /proc is short, however deep the cache is: sun_path holds 107 bytes.
        handle = os.open(folder, os.O_PATH)
        try:
            connection.connect(f"/proc/self/fd/{handle}/qmp")
            with connection.makefile("rw", encoding="utf-8") as stream:
                stream.readline()
                return [_one(stream, name, args) for name, args in (("qmp_capabilities", {}), *commands)][1:]
        except (OSError, ValueError) as error:
            raise LabError(f"steer {folder.name}", f"its monitor does not answer ({error})", "is it on?") from error
        finally:
            os.close(handle)


def _one(stream: Any, name: str, arguments: dict[str, Any]) -> Any:
    stream.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
    stream.flush()
    while line := stream.readline():
        answer = json.loads(line)
        if "error" in answer:
            raise LabError(f"QEMU command {name}", answer["error"].get("desc", "failed"))
        if "return" in answer:
            return answer["return"]
    raise LabError(f"QEMU command {name}", "the guest went off")


def wait_migrated(folder: Path, timeout: float) -> None:
    """Wait until a migration is over; QEMU 7.2 only tells by being asked."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        status = execute(folder, ("query-migrate", {}))[0].get("status")
        if status == "completed":
            return
        if status in ("failed", "cancelled"):
            break
        time.sleep(0.05)
    raise LabError(f"save or load the state of {folder.name}", "the migration did not complete")
