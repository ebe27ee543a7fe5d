"""A real OpenSSH server on loopback, with its own keys and settings, for one test session."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from zoffsite.model.job import SshHost

PROGRAM = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def keygen(path: Path, *, kind: str = "ed25519", passphrase: str = "") -> Path:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", str(path)],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return path


def public_key(path: Path) -> str:
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Sshd:
    """The server's process, its log, and how a client of ours reaches it."""

    def __init__(self, place: Path) -> None:
        assert PROGRAM, "sshd is missing; install it: sudo apt-get install openssh-server"
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # what the distribution's unit would have made
        self.place = place
        self.log: list[str] = []
        host_key = keygen(place / "host_key")
        identity = keygen(place / "identity")
        (place / "authorized_keys").write_text(public_key(identity) + "\n")
        self.host = SshHost(
            host="127.0.0.1",
            port=free_port(),
            user=getpass.getuser(),
            host_key=public_key(host_key),
            identity_file=identity,
            connect_timeout=5.0,
            keepalive=5.0,
        )
        self._process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        config = self.place / "sshd_config"
        config.write_text(f"""
            Port {self.host.port}
            ListenAddress 127.0.0.1
            HostKey {self.place}/host_key
            AuthorizedKeysFile {self.place}/authorized_keys
            StrictModes no
            UsePAM no
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            PermitRootLogin prohibit-password
            MaxSessions 6
            PidFile none
            LogLevel VERBOSE
        """)
        process = subprocess.Popen(
            [PROGRAM or "", "-D", "-e", "-f", str(config)], stderr=subprocess.PIPE, text=True, errors="replace"
        )
        listening = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(process, listening), daemon=True)
        self._reader.start()
        assert listening.wait(10), f"sshd did not start: {self.log}"
        return process

    def _read(self, process: subprocess.Popen[str], listening: threading.Event) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.log.append(line.strip())
            if "Server listening" in line:
                listening.set()

    def client(self, **changes: object) -> SshHost:
        """The way to this server, with some of it changed."""
        return replace(self.host, **changes)  # type: ignore[arg-type]

    @property
    def connections(self) -> int:
        """How many TCP connections the server has taken so far."""
        return sum(line.startswith("Connection from") for line in self.log)

    def sessions(self) -> list[int]:
        """The process ids of the server's sessions: one or two for each open connection, as it separates privileges."""
        first = children_of(self._process.pid)
        return [*first, *(pid for session in first for pid in children_of(session, named="sshd"))]

    def cut(self) -> None:
        """End every connection from the server's side, as a power failure would for its processes."""
        for pid in self.sessions():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        self.cut()  # while the sessions are still this process's children, and so can be found
        self._process.terminate()
        self._process.wait(10)
        self._reader.join(10)
        if self._process.stderr is not None:
            self._process.stderr.close()


def children_of(pid: int, named: str = "") -> list[int]:
    """The living children of a process; `named` asks for a part of the program's name."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
            state, parent = rest.split()[:2]
            if int(parent) == pid and state != "Z" and named in name:
                found.append(int(stat.parent.name))
    return found


def running(marker: str) -> list[int]:
    """The processes that have `marker` among their arguments, ourselves excepted."""
    found = []
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if marker.encode() in cmdline.read_bytes() and int(cmdline.parent.name) != os.getpid():
                found.append(int(cmdline.parent.name))
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Look again and again, for what no event tells: processes of others coming and going."""
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return met
