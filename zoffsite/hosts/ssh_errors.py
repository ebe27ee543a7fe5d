"""Why a host could not be reached or did not let us in, each with its own way out."""

from __future__ import annotations

import base64
import errno
import hashlib
import shlex
import socket

from zoffsite.model.errors import SafetyError, TransferError, UnreachableError
from zoffsite.model.job import SshHost


def fingerprint(key: bytes) -> str:
    """The SHA256 fingerprint of a public key's blob, as `ssh-keygen -l` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def cannot_connect(host: SshHost, error: OSError) -> UnreachableError:
    """The TCP connection did not come about."""
    problem, remedy, code = _why(host, error)
    return UnreachableError("connect to", host.label, problem, remedy, code=code, transient=True)


def _why(host: SshHost, error: OSError) -> tuple[str, str, str]:
    name = shlex.quote(host.host)
    if isinstance(error, socket.gaierror):
        return f"the name {host.host} is not known ({error.strerror})", f"getent hosts {name}", "name-unknown"
    if isinstance(error, ConnectionRefusedError):
        problem = f"nothing listens on port {host.port} there"
        return problem, "on that machine: systemctl status ssh (or sshd), and check the port", "connection-refused"
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        problem = f"no answer within {host.connect_timeout:g} seconds"
        return problem, f"see whether it is switched on and the tunnel is up: ping {name}; sudo wg show", "no-answer"
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return f"there is no route to it ({error.strerror})", f"ip route get {name}; sudo wg show", "no-route"
    return error.strerror or str(error), f"ping {name}", "cannot-connect"


def no_handshake(host: SshHost, error: BaseException | None) -> UnreachableError:
    """TCP works, but no SSH session came about: a busy sshd, another service on that port, a lost line."""
    said = str(error or "") or "it fell silent"
    if said == "No existing session":  # how the library speaks of a time that is up
        said = f"it said nothing more within {host.connect_timeout:g} seconds"
    return UnreachableError(
        "connect to",
        host.label,
        f"something answers, but no SSH session came about ({said})",
        f"try by hand: ssh -v -p {host.port} {shlex.quote(host.host)}; an overloaded sshd answers again later",
        code="no-handshake",
        transient=True,
    )


def wrong_host_key(host: SshHost, *, expected: str, seen: str) -> SafetyError:
    """Someone else answers at this address, or the host has a new key."""
    return SafetyError(
        "connect to",
        host.label,
        f"the host key is not the pinned one: expected {expected}, seen {seen}; nothing was sent",
        "if that machine was set up anew, read the fingerprint on the machine itself "
        "(ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), and only if it is the one seen here put the new public "
        "key into host_key of your zoffsite.toml; otherwise someone stands in between: do not go on",
        code="host-key-mismatch",
    )


def login_refused(host: SshHost, public_key: str, detail: str) -> UnreachableError:
    """sshd knows neither this user nor this key."""
    return UnreachableError(
        "log in to",
        host.label,
        f"the login with {host.identity_file} was refused ({detail})",
        f"add this line to ~{host.user}/.ssh/authorized_keys there (only that user may write to it): {public_key}",
        code="login-refused",
    )


def connection_lost(label: str, detail: str = "") -> TransferError:
    """The connection broke while something was under way."""
    return TransferError(
        "talk to",
        label,
        "the connection was lost" + (f" ({detail})" if detail else ""),
        "run it again: what has already arrived is kept, and the transfer resumes from there",
        code="connection-lost",
        transient=True,
    )


def no_channel(host: SshHost, detail: str) -> TransferError:
    """sshd refused one more session on the connection we have."""
    return TransferError(
        "open a session on",
        host.label,
        f"it refused one more session ({detail})",
        "lower `parallel` of the job, or raise MaxSessions in sshd_config there (default 10)",
        code="too-many-sessions",
        transient=True,
    )
