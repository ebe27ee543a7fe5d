"""This machine as a host: programs through pipes, never through a shell.

Each program leads a session of its own, so Ctrl-C in the terminal reaches only us: we then end both sides of a
transfer in our own order, instead of racing with a `zfs send` that died of the same key.

It still cannot outlive us for long, whatever kills us (SIGKILL included): the kernel closes our ends of its pipes. A
`zfs send` is then ended by SIGPIPE at its next write, a `zfs receive` sees its input end and keeps the resumable
state, a listing just finishes. PR_SET_PDEATHSIG would be tied to the THREAD that started the program, and would kill
a transfer whenever a pool retires a thread.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import select
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from typing import IO

from zoffsite.hosts.capture import Collector, run_to_end
from zoffsite.hosts.runner import MIB, STDERR, TRUSTED_STDOUT, Completed
from zoffsite.model.errors import OperationError

SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
"""Where zfs may be: a login that is not root often lacks the sbin directories."""


def with_environment(argv: Sequence[str], path: str = SYSTEM_PATH) -> list[str]:
    """`argv` run by env(1), the same way on every host: untranslated messages, and `zfs` found where it is.

    A missing program is exit code 127 with a message that names it, here as over SSH.
    """
    return ["env", "LC_ALL=C", f"PATH={path}", *argv]


class LocalProcess:
    """A Process on this machine. Its pipes are polled together with a wake-up pipe, so `kill` ends every wait."""

    def __init__(self, argv: Sequence[str], label: str) -> None:
        self._label = label
        self._popen = subprocess.Popen(
            with_environment(argv, f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}".lstrip(":")),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        assert self._popen.stdin is not None  # noqa: S101 - for the type checker: PIPE was asked for
        assert self._popen.stdout is not None  # noqa: S101
        assert self._popen.stderr is not None  # noqa: S101
        self._stdin, self._stdout, self._stderr = self._popen.stdin, self._popen.stdout, self._popen.stderr
        os.set_blocking(self._stdin.fileno(), False)
        with contextlib.suppress(OSError):  # a user's share of pipe memory may be used up: smaller is slower, not wrong
            fcntl.fcntl(self._stdout.fileno(), fcntl.F_SETPIPE_SZ, MIB)
        self._wake_read, self._wake_write = os.pipe()
        self._lock = threading.Condition()
        self._users = 0
        self._open = True
        self._said = Collector(self._read_stderr, STDERR, self.kill)

    @property
    def pid(self) -> int:
        """The process id; the program's session has the same."""
        return self._popen.pid

    def read(self, size: int) -> bytes:
        """See Process."""
        with self._using() as usable:
            woken = not usable or self._await(self._stdout, select.POLLIN)[0]
            return b"" if woken else os.read(self._stdout.fileno(), size)

    def _read_stderr(self, size: int) -> bytes:
        """Unlike stdout also after `kill`: the last words, as far as they were already said."""
        with self._using() as usable:
            ready = usable and self._await(self._stderr, select.POLLIN)[1]
            return os.read(self._stderr.fileno(), size) if ready else b""

    def write(self, data: memoryview) -> int:
        """See Process."""
        with self._using() as usable:
            if not usable or self._stdin.closed or self._await(self._stdin, select.POLLOUT)[0]:
                raise BrokenPipeError
            return os.write(self._stdin.fileno(), data)

    def close_stdin(self) -> None:
        """See Process."""
        self._stdin.close()

    def wait(self, timeout: float) -> Completed:
        """See Process."""
        try:
            code = self._popen.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError from error
        try:
            return Completed(exit_code=code, stdout="", stderr=self._said.text(self._label))
        finally:
            self._let_go()

    def kill(self) -> None:
        """See Process. SIGKILL to the whole session."""
        with self._lock:
            if not self._open:
                return
            if self._popen.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._popen.pid, signal.SIGKILL)
            os.write(self._wake_write, b"x")

    def _await(self, pipe: IO[bytes], event: int) -> tuple[bool, bool]:
        """Wait until `kill` came (first) or `pipe` is ready (second)."""
        poll = select.poll()
        poll.register(pipe, event)
        poll.register(self._wake_read, select.POLLIN)
        ready = {at for at, _ in poll.poll()}
        return self._wake_read in ready, pipe.fileno() in ready

    @contextlib.contextmanager
    def _using(self) -> Iterator[bool]:
        """Keeps the pipes open while the block lasts; False when they are already closed."""
        with self._lock:
            usable = self._open
            self._users += usable
        try:
            yield usable
        finally:
            with self._lock:
                self._users -= usable
                self._lock.notify_all()

    def _let_go(self) -> None:
        """Close every pipe, once. A reader still held up (by a grandchild's copy of the pipe) is woken first."""
        with self._lock:
            if not self._open:
                return
            self._open = False
            os.write(self._wake_write, b"x")
            self._lock.wait_for(lambda: self._users == 0)
        for pipe in (self._stdin, self._stdout, self._stderr):
            pipe.close()
        os.close(self._wake_read)
        os.close(self._wake_write)


class LocalRunner:
    """Runs programs on this machine."""

    def __init__(self, stdout_limit: int = TRUSTED_STDOUT) -> None:
        self.label = f"{_user()}@localhost"
        self._stdout_limit = stdout_limit

    def run(self, argv: Sequence[str], *, timeout: float = 300, undoing: bool = False) -> Completed:
        """See Runner."""
        process = self._start(argv)
        return run_to_end(
            process, _subject(argv, self.label), limit=self._stdout_limit, timeout=timeout, undoing=undoing
        )

    def open(self, argv: Sequence[str]) -> LocalProcess:
        """See Runner."""
        return self._start(argv)

    def close(self) -> None:
        """Nothing to let go of."""

    def _start(self, argv: Sequence[str]) -> LocalProcess:
        try:
            return LocalProcess(argv, _subject(argv, self.label))
        except OSError as error:  # no memory, no process ids, argument list too long
            raise OperationError(
                "start",
                _subject(argv, self.label),
                str(error),
                "see whether this machine is out of memory or processes: free -h; ulimit -u",
                code="cannot-start",
                transient=True,
            ) from error


def _subject(argv: Sequence[str], label: str) -> str:
    return f"{' '.join(argv[:2])} on {label}"


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a user of a container, without an entry
        return str(os.geteuid())
