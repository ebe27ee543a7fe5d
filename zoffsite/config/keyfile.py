"""The private key that logs in: checked before it is needed at three in the morning."""

from __future__ import annotations

import base64
import binascii
import stat
from pathlib import Path

from zoffsite.config.mistakes import WrongValueError

_MAGIC = b"openssh-key-v1\0"
_LARGEST = 64 * 1024


def check_key_file(path: Path) -> None:
    """WrongValueError unless `path` is a private key without a passphrase that only its owner can read."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise WrongValueError(f"{path} is not a file", "name the private key's file")
        with path.open("rb") as file:
            text = file.read(_LARGEST)
    except FileNotFoundError:
        raise WrongValueError(f"{path} does not exist", f"make it: ssh-keygen -t ed25519 -N '' -f {path}") from None
    except OSError as error:
        raise WrongValueError(f"{path} cannot be read ({error.strerror})", f"ls -l {path}") from None
    if mode & 0o077:
        raise WrongValueError(f"others may read {path}", f"chmod 600 {path}")
    _check_text(path, text)


def _check_text(path: Path, text: bytes) -> None:
    if b"PRIVATE KEY-----" not in text:
        half = " (it is the public half)" if text.startswith((b"ssh-", b"ecdsa-")) else ""
        raise WrongValueError(f"{path} is not a private key{half}", "name the file without .pub")
    if b"ENCRYPTED" in text or _cipher(text) not in (None, b"none"):
        raise WrongValueError(
            f"{path} has a passphrase, and nobody is there to type it",
            f"make a key for this alone: ssh-keygen -t ed25519 -N '' -f {path}.zoffsite",
        )


def _cipher(text: bytes) -> bytes | None:
    """The cipher that OpenSSH's own format names (PROTOCOL.key), None for the older formats."""
    body = b"".join(line for line in text.splitlines() if not line.startswith(b"-----"))
    try:
        blob = base64.b64decode(body)
    except binascii.Error:
        return None
    if not blob.startswith(_MAGIC):
        return None
    start = len(_MAGIC) + 4
    return blob[start : start + int.from_bytes(blob[start - 4 : start], "big")]
