"""Floor 2: seal bytes with a passphrase, so that they can lie anywhere; and open them again.

    magic, 20 bytes │ log2 of scrypt's N, 1 byte │ salt, 16 bytes │ nonce, 12 bytes │ ciphertext with its tag

The key is scrypt(passphrase, salt, N, r=8, p=1), the cipher AES-256-GCM, with all that stands before the ciphertext as
associated data: no byte can be changed unnoticed.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from zoffsite.model.errors import SettingsError

MAGIC = b"zoffsite-escrow-v1\r\n"
COST = 17
"""128 MiB and about half a second for each guess."""
DEAREST = 20
"""A file from elsewhere may ask for 1 GiB of memory, and no more."""
SHORTEST = 12
"""Characters of a passphrase: it may be guessed at for years, by whoever finds the file."""
_SALT, _NONCE = 16, 12
_HEAD = len(MAGIC) + 1 + _SALT + _NONCE


def seal(content: bytes, passphrase: str, *, cost: int = COST) -> bytes:
    """`content`, sealed. Raises SettingsError "weak-passphrase"."""
    if len(passphrase) < SHORTEST:
        raise SettingsError(
            "seal",
            "the escrow file",
            f"the passphrase has less than {SHORTEST} characters",
            "take some words that nobody would put together, and write them down where you find them after a fire",
            code="weak-passphrase",
        )
    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    head = MAGIC + bytes([cost]) + salt + nonce
    return head + AESGCM(_key(passphrase, salt, cost)).encrypt(nonce, content, head)


def is_sealed(content: bytes) -> bool:
    """Whether this was sealed, by its first bytes."""
    return content.startswith(MAGIC)


def unseal(sealed: bytes, passphrase: str) -> bytes:
    """What was sealed. Raises SettingsError: "not-an-escrow", or "wrong-passphrase", also where a byte was changed."""
    head, cost = sealed[:_HEAD], sealed[len(MAGIC)] if len(sealed) > _HEAD else 0
    if not is_sealed(head) or not 1 <= cost <= DEAREST:
        raise SettingsError(
            "open",
            "the escrow file",
            "it is none, or of another version",
            "zoffsite escrow write",
            code="not-an-escrow",
        )
    salt, nonce = head[-_SALT - _NONCE : -_NONCE], head[-_NONCE:]
    try:
        return AESGCM(_key(passphrase, salt, cost)).decrypt(nonce, sealed[_HEAD:], head)
    except InvalidTag:
        raise SettingsError(
            "open",
            "the escrow file",
            "the passphrase is not the one that it was sealed with, or the file is damaged",
            "try again; if you are sure of the passphrase, take another copy of the file",
            code="wrong-passphrase",
        ) from None


def _key(passphrase: str, salt: bytes, cost: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=1 << cost, r=8, p=1).derive(passphrase.encode())
