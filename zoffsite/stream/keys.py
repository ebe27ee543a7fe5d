"""Which wrapped key a stream brings along: it travels in the payload of the first record of every raw stream.

`zfs change-key` wraps the same master key anew, and the next raw send of any snapshot, even of an old one, takes the
new wrapping to the box: pinned in tests/lab/chain/test_memory.py. The fingerprint tells one wrapping from another.
"""

from __future__ import annotations

import hashlib

from zoffsite.model.errors import SafetyError
from zoffsite.stream.nvlist import MalformedListError, read_nvlist

_KEY = "crypt_keydata"
_NUMBERS = ("DSL_CRYPTO_SUITE", "DSL_CRYPTO_GUID", "DSL_CRYPTO_VERSION", "keyformat", "pbkdf2iters", "pbkdf2salt")
_BYTES = ("DSL_CRYPTO_MASTER_KEY_1", "DSL_CRYPTO_HMAC_KEY_1", "DSL_CRYPTO_IV", "DSL_CRYPTO_MAC")
"""What a wrapped key is: dsl_crypt.c, `dsl_crypto_populate_key_nvlist`. All else there belongs to the snapshot."""


def key_fingerprint(payload: bytes) -> str:
    """64 hex digits that are the same for every stream of one wrapped key, and others after `zfs change-key`.

    Raises SafetyError "stream-malformed" when the payload has no such key in it.
    """
    try:
        key = read_nvlist(payload).get(_KEY)
    except MalformedListError as error:
        raise _no_key(str(error)) from error
    if not isinstance(key, dict):
        raise _no_key(f"there is no {_KEY} in it")
    digest = hashlib.sha256()
    for name in (*_NUMBERS, *_BYTES):
        value = key.get(name)
        if not isinstance(value, int if name in _NUMBERS else bytes):
            raise _no_key(f"{name} is missing, or of another type")
        raw = value.to_bytes(8, "little") if isinstance(value, int) else bytes(value)
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest()


def _no_key(problem: str) -> SafetyError:
    return SafetyError(
        "check",
        "the stream of zfs send",
        f"the wrapped key in its first record cannot be read: {problem}",
        "nothing has left; report it with the versions of both ends: zfs version",
        code="stream-malformed",
    )
