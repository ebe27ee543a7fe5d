"""Another machine as a host: one SSH connection kept open, and a channel of it for each program.

Only what the settings name is used: one identity file, one pinned host key. No agent, no ~/.ssh, no password.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import math
import shlex
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import paramiko
from paramiko.packet import Packetizer
from paramiko.ssh_exception import IncompatiblePeer

from zoffsite.hosts import ssh_errors
from zoffsite.hosts.capture import Collector, run_to_end
from zoffsite.hosts.identity import PinnedKey, load_identity, pinned_key
from zoffsite.hosts.local import with_environment
from zoffsite.hosts.runner import BOX_STDOUT, MIB, STDERR, Completed
from zoffsite.hosts.unless_stopped import unless_stopped
from zoffsite.model.errors import TransferError
from zoffsite.model.job import SshHost

LOG = "zoffsite.ssh"
"""The SSH library logs every failure with its traceback; we raise it as an error of ours instead, so: silent."""
logging.getLogger(LOG).addHandler(logging.NullHandler())
logging.getLogger(LOG).propagate = False

CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr")
MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")
WINDOW = 4 * MIB
"""How far a sender may run ahead of our reading: 40 MB/s at 100 ms. More is slower: the library moves the whole of
what waits for each piece that is read (measured: 4 MiB 213, 16 MiB 72, 128 MiB 39 MB/s). What WE send is up to sshd."""
PACKET = 64 << 10
LARGEST_PACKET = MIB
"""OpenSSH sends at most 256 KiB. The length arrives before anything proves who sent it, so it is bounded here."""
REKEY_BYTES = 16 << 30
"""New session keys after this many bytes. AES is good for 64 GiB (RFC 4344); the library's 512 MiB stops all
channels every few seconds on a fast line."""
PATIENCE = 3
"""Keepalives without a sign of life after which the other side is taken for dead."""
JAMMED = 0.2
"""Seconds that closing a channel may take. Longer means that the socket takes no bytes: the connection is dead."""
EPILOGUE = 1.0
"""Seconds in which a dying connection shows that it is dying, after its channels ended without an exit code."""


class BoundedPacketizer(Packetizer):
    """Refuses packets larger than any honest one, before their bytes are gathered in memory."""

    REKEY_BYTES = REKEY_BYTES

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        """See Packetizer."""
        if n > LARGEST_PACKET:
            raise paramiko.SSHException(f"a packet of {n} bytes was announced")
        return super().read_all(n, check_rekey)


class Transport(paramiko.Transport):
    """Unties two knots of the library around the exchange of new keys, when no message may be sent but those of the
    exchange. The thread that reads waited for itself when a channel closed just then, until the connection was lost.
    And messages that had waited were sent in any order; sshd ends a connection on which data follow a close.
    So what must wait is queued, and sent in its order before anything else.
    """

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock, WINDOW, PACKET, packetizer_class=BoundedPacketizer)
        self._queue: deque[paramiko.Message] = deque()
        self._queueing = threading.Lock()

    def _send_user_message(self, data: paramiko.Message) -> None:
        with self._queueing:
            waits = not self.clear_to_send.is_set()
            if waits:
                self._queue.append(data)
        if not waits:
            super()._send_user_message(data)  # type: ignore[misc]
        elif threading.current_thread() is not self:
            self._await_keys()

    def _await_keys(self) -> None:
        """So a writer cannot run ahead of the connection: it has one message in the queue at most."""
        end = time.monotonic() + self.clear_to_send_timeout
        while self.is_active() and not self.clear_to_send.wait(JAMMED):
            if time.monotonic() > end:
                raise paramiko.SSHException("the exchange of new keys takes too long")

    def _parse_newkeys(self, m: paramiko.Message) -> None:
        with self._queueing:
            while self._queue:
                self._send_message(self._queue.popleft())  # type: ignore[attr-defined]
            super()._parse_newkeys(m)  # type: ignore[misc]


class ListeningSocket(socket.socket):
    """A socket that fails when nothing was heard for `patience` seconds, whoever acknowledges our bytes meanwhile:
    the kernel of a machine whose sshd hangs, or a forwarder on the way. The library reads ten times a second.
    """

    def __init__(self, connected: socket.socket) -> None:
        super().__init__(fileno=connected.detach())
        self._heard = time.monotonic()
        self.patience = math.inf

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """As a socket's."""
        try:
            data = super().recv(bufsize, flags)
        except TimeoutError:
            if time.monotonic() - self._heard > self.patience:
                raise ConnectionAbortedError(
                    errno.ECONNABORTED, f"nothing heard for {self.patience:g} seconds"
                ) from None
            raise
        self._heard = time.monotonic()
        return data


class SshProcess:
    """A Process on the other machine: one channel."""

    def __init__(self, channel: paramiko.Channel, transport: paramiko.Transport, label: str) -> None:
        self._channel = channel
        self._transport = transport
        self._label = label
        self._killed = False
        self._broken = False
        self._said = Collector(lambda size: self._take(channel.recv_stderr, size), STDERR, self.kill)

    def read(self, size: int) -> bytes:
        """See Process."""
        return self._take(self._channel.recv, size)

    def _take(self, recv: Callable[[int], bytes], size: int) -> bytes:
        """Taking bytes also sends a message (the window opens again), so it fails when the connection has just died.

        The bytes are then lost, although the program may have ended well: `wait` must not say that all is well.
        """
        try:
            return recv(size)
        except (OSError, EOFError, paramiko.SSHException):
            self._broken = True
            return b""

    def write(self, data: memoryview) -> int:
        """See Process."""
        piece = bytes(data[: self._channel.out_max_packet_size])
        try:
            sent = self._channel.send(piece)
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise BrokenPipeError from error
        if sent == 0:
            raise BrokenPipeError
        return sent

    def close_stdin(self) -> None:
        """See Process."""
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.shutdown_write()

    def wait(self, timeout: float) -> Completed:
        """See Process. A program that a signal ended has exit code -1: which signal is not known."""
        if not self._channel.status_event.wait(timeout):
            raise TimeoutError
        code = self._channel.exit_status
        if self._broken and not self._killed:
            raise ssh_errors.connection_lost(self._label)
        if code == -1 and not self._killed:
            self._transport.join(EPILOGUE)
            if not self._transport.is_active():
                raise ssh_errors.connection_lost(self._label)
        try:
            return Completed(exit_code=code, stdout="", stderr=self._said.text(self._label))
        finally:
            self.kill()

    def kill(self) -> None:
        """See Process. Its stdin ends and its stdout is gone; sshd then lets go of the program.

        Closing a channel is a message, and a message needs a socket that takes bytes. If it does not, every other
        channel of the connection waits in vain as well, so the connection goes.
        """
        self._killed = True
        closing = threading.Thread(target=self._close, name="zoffsite-close", daemon=True)
        closing.start()
        closing.join(JAMMED)
        if closing.is_alive():
            self._transport.close()

    def _close(self) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.close()


class SshRunner:
    """Runs programs on `host`. Connects when first needed, and again when the connection has died. Thread-safe.

    `bare`: the words go there as they are, for a forced command that is no shell.
    """

    def __init__(self, host: SshHost, stdout_limit: int = BOX_STDOUT, *, bare: bool = False) -> None:
        self._host = host
        self._bare = bare
        self._stdout_limit = stdout_limit
        self._lock = threading.Lock()
        self._transport: paramiko.Transport | None = None

    @property
    def label(self) -> str:
        """user@host:port."""
        return self._host.label

    def run(self, argv: Sequence[str], *, timeout: float = 300, undoing: bool = False) -> Completed:
        """See Runner."""
        process = self._open(argv, undoing=undoing)
        return run_to_end(
            process, f"{argv[0]} on {self.label}", limit=self._stdout_limit, timeout=timeout, undoing=undoing
        )

    def open(self, argv: Sequence[str]) -> SshProcess:
        """See Runner."""
        return self._open(argv, undoing=False)

    def close(self) -> None:
        """See Runner."""
        with self._lock:
            if self._transport is not None:
                _shut(self._transport)
                self._transport = None

    def _open(self, argv: Sequence[str], *, undoing: bool) -> SshProcess:
        """The far login shell splits the line again; this is the only place that quotes for it.

        `exec`: not every shell becomes the last of its commands by itself (dash does not), and a process costs more
        than most of what it is asked for.
        """
        command = shlex.join(argv) if self._bare else f"exec {shlex.join(with_environment(argv))}"
        transport, fresh = self._connected(undoing)
        try:
            return self._started(transport, command, undoing)
        except TransferError:
            # The kept connection may have died unnoticed since it was last used; a new one tells.
            if fresh or transport.is_active():
                raise
            return self._started(self._connected(undoing)[0], command, undoing)

    def _started(self, transport: paramiko.Transport, command: str, undoing: bool) -> SshProcess:
        start = partial(self._start, transport, command)
        return unless_stopped("start a program on", self.label, start, SshProcess.kill, undoing=undoing)

    def _start(self, transport: paramiko.Transport, command: str) -> SshProcess:
        try:
            channel = transport.open_session(timeout=self._host.connect_timeout)
        except paramiko.ChannelException as error:
            raise ssh_errors.no_channel(self._host, error.text) from error
        except paramiko.SSHException as error:
            if transport.is_active() and "Unable" in str(error):  # two refused at once: the other one got the reason
                raise ssh_errors.no_channel(self._host, "no reason given") from error
            transport.close()  # no answer at all: what hangs there will not do for others either
            raise ssh_errors.connection_lost(self.label, str(error)) from error
        except (OSError, EOFError) as error:
            transport.close()  # it is dead, though the thread that reads may not have noticed yet
            raise ssh_errors.connection_lost(self.label, str(error)) from error
        # exec_command waits for its answer without end; a box that never gives it is cut off.
        patience = threading.Timer(self._host.connect_timeout, channel.close)
        patience.daemon = True
        patience.start()
        try:
            channel.exec_command(command)
        except (paramiko.SSHException, OSError, EOFError) as error:
            channel.close()
            raise ssh_errors.connection_lost(self.label, f"it did not start the program: {error}") from error
        finally:
            patience.cancel()
        return SshProcess(channel, transport, self.label)

    def _connected(self, undoing: bool) -> tuple[paramiko.Transport, bool]:
        """The connection, and whether it is new. One thread connects, the others wait for it."""
        with self._lock:
            if self._transport is not None and self._transport.is_active():
                return self._transport, False
            if self._transport is not None:
                _shut(self._transport)
                self._transport = None
            ask = partial(connect, self._host)
            self._transport = unless_stopped("connect to", self.label, ask, _shut, undoing=undoing)
            return self._transport, True


def connect(host: SshHost) -> paramiko.Transport:
    """A connection to `host` with its key checked and the login done; see ssh_errors for what can go wrong."""
    pin = pinned_key(host)
    key = load_identity(host.identity_file)
    try:
        sock = ListeningSocket(socket.create_connection((host.host, host.port), timeout=host.connect_timeout))
    except OSError as error:
        raise ssh_errors.cannot_connect(host, error) from error
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = Transport(sock)
    try:
        _negotiate(transport, host, pin)
        _log_in(transport, host, key)
    except BaseException:
        _shut(transport)
        raise
    sock.patience = PATIENCE * host.keepalive
    keeper = threading.Thread(target=_keep_alive, args=(transport, host.keepalive), name="zoffsite-keepalive")
    keeper.daemon = True
    keeper.start()
    return transport


def _keep_alive(transport: paramiko.Transport, keepalive: float) -> None:
    """Ask for a sign of life again and again, until the connection is gone: `join` ends with its thread.

    The SSH library's own keepalives want no reply, so they only keep a NAT's memory fresh.
    """
    while True:
        transport.join(keepalive)
        if not transport.is_alive():
            return
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            transport.global_request("keepalive@openssh.com", wait=True)


def _negotiate(transport: paramiko.Transport, host: SshHost, pin: PinnedKey) -> None:
    transport.set_log_channel(LOG)
    transport.auth_timeout = host.connect_timeout
    # Both are in start_client's own timeout. The later one never fires, so silence has one message, not two.
    transport.banner_timeout = transport.handshake_timeout = 2 * host.connect_timeout
    options = transport.get_security_options()
    options.ciphers = CIPHERS
    options.digests = MACS
    options.key_types = pin.algorithms
    expected = f"{pin.kind} {ssh_errors.fingerprint(pin.blob)}"
    try:
        transport.start_client(timeout=host.connect_timeout)
        seen = transport.get_remote_server_key()
    except IncompatiblePeer as error:
        if "host key" in str(error):
            raise ssh_errors.wrong_host_key(host, expected=expected, seen=f"no key of type {pin.kind}") from error
        raise ssh_errors.no_handshake(host, error) from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise ssh_errors.no_handshake(host, error) from error
    if seen.asbytes() != pin.blob:
        kind = seen.get_name()
        raise ssh_errors.wrong_host_key(
            host, expected=expected, seen=f"{kind} {ssh_errors.fingerprint(seen.asbytes())}"
        )


def _log_in(transport: paramiko.Transport, host: SshHost, key: paramiko.PKey) -> None:
    public_key = f"{key.get_name()} {key.get_base64()}"
    try:
        more = transport.auth_publickey(host.user, key)
    except paramiko.BadAuthenticationType as error:
        raise ssh_errors.login_refused(host, public_key, "it takes no public keys") from error
    except paramiko.AuthenticationException as error:
        if not transport.is_active() or "timeout" in str(error):
            raise ssh_errors.no_handshake(host, error) from error
        raise ssh_errors.login_refused(host, public_key, "unknown user or key") from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise ssh_errors.no_handshake(host, error) from error
    if more:
        raise ssh_errors.login_refused(host, public_key, f"it asks for {', '.join(more)} as well")


def _shut(transport: paramiko.Transport) -> None:
    """Close, and wait for the thread: nothing of it is left when this returns."""
    transport.close()
    transport.sock.close()
    if transport.is_alive():
        transport.join(EPILOGUE)
