"""The pin of a host: its public key as OpenSSH writes it (RFC 4253, section 6.6)."""

from __future__ import annotations

import base64
import binascii
import re

from zoffsite.config.mistakes import WrongValueError

TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")
HOW_TO_GET = (
    "run `ssh-keyscan -t ed25519 HOST` and write its last two words; "
    "compare with `cat /etc/ssh/ssh_host_ed25519_key.pub` on the host itself"
)
_FINGERPRINT = re.compile(r"(SHA256:|MD5:|([0-9a-f]{2}:){15})")


def check_host_key(line: str) -> str:
    """`line` as `type base64`, without its comment. WrongValueError if it is not a public host key."""
    if _FINGERPRINT.match(line.strip()):
        raise WrongValueError("a fingerprint is not enough: the key itself is compared", HOW_TO_GET)
    if "PRIVATE KEY" in line:
        raise WrongValueError("this is a private key", HOW_TO_GET)
    words = line.split()
    if len(words) >= 3 and words[0] not in TYPES and words[1] in TYPES:
        raise WrongValueError("this begins with a host's name", f'write it from "{words[1]}" on')
    if len(words) < 2 or words[0] not in TYPES:
        raise WrongValueError(f'this is not a public host key ("{TYPES[0]} AAAA…")', HOW_TO_GET)
    if _type_inside(words[1]) != words[0]:
        raise WrongValueError(f"the key after {words[0]} is cut short or damaged", HOW_TO_GET)
    return f"{words[0]} {words[1]}"


def _type_inside(encoded: str) -> str | None:
    """The type that the key's own bytes name, if all its fields are there."""
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    fields, position = list[bytes](), 0
    while position + 4 <= len(blob):
        end = position + 4 + int.from_bytes(blob[position : position + 4], "big")
        fields.append(blob[position + 4 : end])
        position = end
    whole = position == len(blob) and len(fields) >= 2 and all(fields)
    if not whole or (fields[0] == b"ssh-ed25519" and len(fields[1]) != 32):
        return None
    return fields[0].decode("ascii", "replace")
