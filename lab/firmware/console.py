"""What a machine says on its serial line, from the firmware's first word; and what is typed there."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
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


@dataclass
class Console:
    """Of a machine, since it was switched on. `heard`: all that it said."""

    line: socket.socket
    heard: bytearray = field(default_factory=bytearray)

    @property
    def text(self) -> str:
        """All of it, without what moves the cursor."""
        return _ESCAPES.sub("", self.heard.decode(errors="replace"))

    def first(self, words: Mapping[str, str], timeout: float) -> str:
        """The name of the first of these patterns that appears."""
        deadline = time.monotonic() + timeout
        while True:
            text = self.text
            found = {hit.start(): name for name, each in words.items() if (hit := re.search(each, text))}
            if found:
                return found[min(found)]
            if not self._listen(deadline):
                raise LabError(f"wait for {' or '.join(words)}", f"the machine went off; its last words: {text[-600:]}")

    def end(self, timeout: float) -> None:
        """Wait until the machine is off."""
        deadline = time.monotonic() + timeout
        while self._listen(deadline):
            pass

    def type(self, line: str) -> None:
        """As on a keyboard, with Enter."""
        self.line.sendall(f"{line}\r".encode())

    def _listen(self, deadline: float) -> bool:
        """More was said; False: nothing will be any more."""
        self.line.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            more = self.line.recv(1 << 16)
        except TimeoutError:
            raise LabError("listen to the console", f"no such words in time; the last: {self.text[-600:]}") from None
        except ConnectionResetError:
            more = b""
        self.heard += more
        return bool(more)


def listen(folder: Path) -> socket.socket:
    """Where QEMU calls when it starts."""
    path = folder / SOCKET
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(1)
    listener.settimeout(_CALL_S)
    return listener


@contextmanager
def answer(listener: socket.socket) -> Iterator[Console]:
    """QEMU has called."""
    line, _ = listener.accept()
    with line:
        yield Console(line)
