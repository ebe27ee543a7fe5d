"""What a machine says on its serial line, from the firmware's first word; and what is typed there."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Condition, Thread
from typing import Final

from lab.errors import LabError

SOCKET: Final = "serial"
# QEMU calls, so that no word is lost and its end is heard.
QEMU: Final = (
    *("-chardev", f"socket,id=serial,path={SOCKET},server=off,logfile=console.log,logappend=off"),
    *("-serial", "chardev:serial"),
)
_CALL_S: Final = 10.0
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]|\r")


class Console:
    """Of a machine, since it was switched on. All that it says is taken at once: a line that nobody reads stops it."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.heard = bytearray()
        self.off = False
        self._more = Condition()
        Thread(target=self._listen, name="lab-console", daemon=True).start()

    @property
    def text(self) -> str:
        """All that was said, without what moves the cursor."""
        return _ESCAPES.sub("", self.heard.decode(errors="replace"))

    def first(self, words: Mapping[str, str], timeout: float) -> str:
        """The name of the first of these patterns that appears."""
        deadline = time.monotonic() + timeout
        with self._more:
            while True:
                text = self.text
                found = {hit.start(): name for name, each in words.items() if (hit := re.search(each, text))}
                if found:
                    return found[min(found)]
                self._wait(deadline, f"wait for {' or '.join(words)}")

    def end(self, timeout: float) -> None:
        """Wait until the machine is off."""
        deadline = time.monotonic() + timeout
        with self._more:
            while not self.off:
                self._wait(deadline, "wait for the machine to go off")

    def type(self, line: str) -> None:
        """As on a keyboard, with Enter."""
        self.line.sendall(f"{line}\r".encode())

    def _wait(self, deadline: float, operation: str) -> None:
        """For more."""
        last = f"its last words: {self.text[-600:]}"
        if self.off:
            raise LabError(operation, f"the machine went off; {last}")
        if not self._more.wait(deadline - time.monotonic()):
            raise LabError(operation, f"no such words in time; {last}")

    def _listen(self) -> None:
        while True:
            try:
                more = self.line.recv(1 << 16)
            except OSError:
                more = b""
            with self._more:
                self.heard += more
                self.off = not more
                self._more.notify_all()
            if not more:
                return


def listen(folder: Path) -> socket.socket:
    """Where QEMU calls when it starts."""
    path = folder / SOCKET
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(1)
    listener.settimeout(_CALL_S)
    return listener


@contextlib.contextmanager
def answer(listener: socket.socket) -> Iterator[Console]:
    """QEMU has called."""
    line, _ = listener.accept()
    with line:
        try:
            yield Console(line)
        finally:
            with contextlib.suppress(OSError):  # gone with the machine
                line.shutdown(socket.SHUT_RDWR)
