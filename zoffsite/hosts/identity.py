"""Key material for SSH: the one identity file that is used, and the host key that is pinned."""

from __future__ import annotations

import base64
import binascii
import shlex
import stat
from pathlib import Path
from typing import NamedTuple

import paramiko

from zoffsite.model.errors import SettingsError
from zoffsite.model.job import SshHost

RSA_ALGORITHMS = ("rsa-sha2-512", "rsa-sha2-256")


class PinnedKey(NamedTuple):
    """A host key as it is pinned: its type and blob, and the algorithms a host can prove it with."""

    kind: str
    blob: bytes
    algorithms: tuple[str, ...]


def pinned_key(host: SshHost) -> PinnedKey:
    """The pin of `host`. SettingsError "host-key-invalid" when it is not an OpenSSH public key line."""
    kind, blob = _split(host)
    algorithms = RSA_ALGORITHMS if kind == "ssh-rsa" else (kind,)
    if not blob.startswith(len(kind).to_bytes(4, "big") + kind.encode()):
        raise _invalid_pin(host, "the key data is not of the type it is named")
    if kind not in ("ssh-rsa", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"):
        raise _invalid_pin(host, f"keys of type {kind} are not supported")
    return PinnedKey(kind, blob, algorithms)


def _split(host: SshHost) -> tuple[str, bytes]:
    parts = host.host_key.split()
    if len(parts) < 2:
        raise _invalid_pin(host, "it must be a key type and the key, like `ssh-ed25519 AAAA…`")
    try:
        return parts[0], base64.b64decode(parts[1], validate=True)
    except binascii.Error as error:
        raise _invalid_pin(host, f"the key is not base64 ({error})") from error


def _invalid_pin(host: SshHost, problem: str) -> SettingsError:
    return SettingsError(
        "read the host key of",
        host.label,
        problem,
        "on that machine: cat /etc/ssh/ssh_host_ed25519_key.pub, and copy its first two words into host_key",
        code="host-key-invalid",
    )


def load_identity(path: Path) -> paramiko.PKey:
    """The private key in `path`. SettingsError says what is wrong with it, and the command that helps."""
    data = _read(path)
    quoted = shlex.quote(str(path))
    try:
        key = paramiko.PKey.from_path(path)
    except (paramiko.PasswordRequiredException, TypeError) as error:
        raise _bad(
            path,
            "it is encrypted with a passphrase, and a job that runs alone has nobody to ask",
            f"make a key of its own for zoffsite: ssh-keygen -t ed25519 -N '' -f {quoted}.zoffsite",
            "identity-encrypted",
        ) from error
    except (paramiko.SSHException, paramiko.pkey.UnknownKeyType, ValueError, IndexError, UnicodeDecodeError) as error:
        public = data.startswith((b"ssh-", b"ecdsa-"))
        raise _bad(
            path,
            "it is a public key; the private one is needed" if public else f"it is not a private key ({error})",
            f"name the file without .pub, or make one: ssh-keygen -t ed25519 -N '' -f {quoted}.zoffsite",
            "identity-invalid",
        ) from error
    return key


def _read(path: Path) -> bytes:
    """The file's bytes, if it is ours alone to read: what others can read, others can log in with."""
    quoted = shlex.quote(str(path))
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _bad(path, "it is not a file", f"ls -l {quoted}", "identity-invalid")
        if status.st_mode & 0o077:
            problem = f"others may read it (mode {stat.S_IMODE(status.st_mode):04o})"
            raise _bad(path, problem, f"chmod 600 {quoted}", "identity-permissions")
        return path.read_bytes()
    except FileNotFoundError as error:
        remedy = f"make one and let it in on the other side: ssh-keygen -t ed25519 -N '' -f {quoted}"
        raise _bad(path, "there is no such file", remedy, "identity-missing") from error
    except OSError as error:
        raise _bad(path, error.strerror or str(error), f"ls -l {quoted}; id", "identity-unreadable") from error


def _bad(path: Path, problem: str, remedy: str, code: str) -> SettingsError:
    return SettingsError("use the identity file", str(path), problem, remedy, code=code)
