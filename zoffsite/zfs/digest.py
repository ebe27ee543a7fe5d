"""The digest program of the box, as it is asked where there is no gate, and what it answers."""

from __future__ import annotations

import json
import re

from zoffsite.model.plan import SendStep
from zoffsite.model.proof import StreamDigest
from zoffsite.zfs.argv import send
from zoffsite.zfs.malformed import MalformedError, malformed_answer

LONGEST_ANSWER = 1000
_PIPELINE = (
    'program=$1 nonce=$2 rate=$3 tell=${4:+tell}; shift 4; "$@" | exec python3 -I -c "$program" "$nonce" "$rate" $tell'
)
"""The one line of ours that a shell reads: constant, with the words to use as its arguments."""
_HEX = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"[0-9]{1,20}")


def digest_send(
    step: SendStep, nonce: bytes, program: str, rate: int | None = None, *, telling: bool = False
) -> list[str]:
    """Digest what `send` would give, `rate` bytes per second at most; `parse_digest` reads the answer.

    `program` is the text of zoffsite/stream/digest.py; `telling` has it say how far it is, in lines before the answer
    (`parse_told`).
    """
    tell = "tell" if telling else ""
    return ["sh", "-c", _PIPELINE, "sh", program, nonce.hex(), str(rate or 0), tell, *send(step)]


def parse_digest(text: str, host: str) -> StreamDigest:
    """What the program says in the end. Raises OperationError "malformed-answer"."""
    said = parse_told(text, host)
    if isinstance(said, StreamDigest):
        return said
    with malformed_answer(host, text):
        raise MalformedError("not a digest")


def parse_told(text: str, host: str) -> int | StreamDigest:
    """How many bytes were read so far; or, in the last line, the digest. Raises OperationError "malformed-answer"."""
    with malformed_answer(host, text):
        if len(text) > LONGEST_ANSWER:
            raise MalformedError("more than a digest")
        try:
            tree = json.loads(text)
        except (ValueError, RecursionError):
            raise MalformedError("no JSON") from None
        if not isinstance(tree, dict):
            raise MalformedError("not an object of JSON")
        if set(tree) == {"bytes"} and type(tree["bytes"]) is int and tree["bytes"] >= 0:
            return int(tree["bytes"])
        digest, size, guids = tree.get("digest"), tree.get("bytes"), (tree.get("toguid"), tree.get("fromguid"))
        if not isinstance(digest, str) or not _HEX.fullmatch(digest) or type(size) is not int or size < 0:
            raise MalformedError("not a digest")
        to, base = (_guid(each) for each in guids)
        return StreamDigest(digest=digest, toguid=to, fromguid=base, bytes=size)


def _guid(value: object) -> int:
    if not isinstance(value, str) or not _NUMBER.fullmatch(value) or int(value) >= 2**64:
        raise MalformedError("a guid that is none")
    return int(value)
