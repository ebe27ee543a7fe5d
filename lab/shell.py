"""Commands in a guest, through the OpenSSH client: the lab never measures the code under test with that code."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.errors import LabError

Command = str | Sequence[str]
ENOUGH_S: Final = 300.0
"""For one command: on a machine that emulates four guests on two cores, what takes seconds may take minutes."""


@dataclass(frozen=True)
class Result:
    """What a command left."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    """One account in one guest, reached over the management NIC by a shared connection."""

    folder: Path
    port: int
    key: Path
    user: str = "root"

    @property
    def argv(self) -> list[str]:
        """The client's command line, up to the destination's command."""
        options = {
            "ControlPath": str(self._socket),
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
            "Compression": "no",
            "ConnectTimeout": "30",
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-F", "/dev/null", *words, "-i", str(self.key), "-p", str(self.port), f"{self.user}@127.0.0.1"]

    def raw(self, command: Command, stdin: bytes = b"", timeout: float | None = ENOUGH_S) -> tuple[int, bytes, bytes]:
        """Run a command, a list of words or a line for the shell; returns its exit code and both outputs."""
        self._share()
        line = _line(command)
        try:
            done = subprocess.run([*self.argv, line], input=stdin, capture_output=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            raise LabError(f"run `{_short(line)}` in {self.folder.name}", f"no end after {timeout} s") from None
        return done.returncode, done.stdout, done.stderr

    def result(self, command: Command, stdin: bytes = b"", timeout: float | None = ENOUGH_S) -> Result:
        """Run a command that may fail."""
        code, out, err = self.raw(command, stdin, timeout)
        return Result(code, out.decode(errors="surrogateescape"), err.decode(errors="replace"))

    def run(self, command: Command, stdin: bytes = b"", timeout: float | None = ENOUGH_S) -> str:
        """Run a command that must not fail; returns what it printed."""
        result = self.result(command, stdin, timeout)
        if result.code:
            what = f"run `{_short(_line(command))}` in {self.folder.name}"
            raise LabError(what, f"exit code {result.code}: {result.err.strip()}{self._want_of_memory(result.err)}")
        return result.out

    def _want_of_memory(self, err: str) -> str:
        """What the kernel said last, where it may have been the one who killed."""
        console = self.folder / "console.log"
        if "Killed" not in err or not console.exists():
            return ""
        lines = console.read_text(errors="replace").splitlines()
        return "".join(f" ({line})" for line in lines[-200:] if "Out of memory" in line)

    def popen(self, command: Command) -> subprocess.Popen[bytes]:
        """Start a command and leave it running, with pipes to it."""
        self._share()
        pipe = subprocess.PIPE
        return subprocess.Popen([*self.argv, _line(command)], stdin=pipe, stdout=pipe, stderr=pipe)

    def control(self, verb: str, *options: str) -> None:
        """Ask the shared connection for something, such as "forward"."""
        self._share()
        argv = [*self.argv[:-1], "-O", verb, *options, self.argv[-1]]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            raise LabError(f"{verb} through {self.folder.name}", done.stderr.strip())

    def wait(self, timeout: float) -> None:
        """Wait until sshd greets."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            # QEMU accepts at once and connects on; a guest that still boots leaves the greeting out.
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                    if connection.recv(4) == b"SSH-":
                        return
            except ConnectionRefusedError:
                raise LabError(f"reach {self.folder.name}", "QEMU ended", f"read {self.folder}/qemu.log") from None
            except OSError:
                continue
            time.sleep(0.1)
        raise LabError(f"reach {self.folder.name}", f"no SSH after {timeout:.0f} s", f"read {self.folder}/console.log")

    def close(self) -> None:
        """Forget the shared connection."""
        if self._socket.exists():
            subprocess.run([*self.argv, "-O", "exit"], capture_output=True, check=False, timeout=10)
            self._socket.unlink(missing_ok=True)

    @property
    def _socket(self) -> Path:
        return self.folder / f"ssh-{self.user}"

    def _share(self) -> None:
        if self._socket.exists():
            return
        if len(os.fsencode(self._socket)) > 85:
            raise LabError(
                "start the lab", "the path of the cache is too long for a socket", "shorten ZOFFSITE_LAB_CACHE"
            )
        with (self.folder / "ssh.log").open("ab") as log:
            argv = [*self.argv[:-1], "-o", "ControlMaster=auto", "-fN", self.argv[-1]]
            subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False, timeout=120)


def _line(command: Command) -> str:
    """For the shell, which a list of words replaces: one process less to emulate."""
    return command if isinstance(command, str) else f"exec {shlex.join(command)}"


def _short(line: str) -> str:
    return line if len(line) <= 200 else line[:200] + " …"
