"""Which wrapped key a stream brings along: it travels in the payload of the first record of every raw stream.

`zfs change-key` wraps the same master key anew, and the next raw send of any snapshot, even of an old one, takes the
new wrapping to the box: pinned in tests/lab/chain/test_memory.py. The fingerprint tells one wrapping from another. The
box's gate computes it as well, by the same code, for it must not take one that it was not told of.
"""

from __future__ import annotations

from zoffsite.box import gate
from zoffsite.model.errors import SafetyError


def key_fingerprint(payload: bytes) -> str:
    """64 hex digits that are the same for every stream of one wrapped key, and others after `zfs change-key`.

    Raises SafetyError "stream-malformed" when the payload has no such key in it.
    """
    try:
        return gate.key_fingerprint(payload)
    except gate.MalformedListError as error:
        raise SafetyError(
            "check",
            "the stream of zfs send",
            f"the wrapped key in its first record cannot be read: {error}",
            "nothing has left; report it with the versions of both ends: zfs version",
            code="stream-malformed",
        ) from error
