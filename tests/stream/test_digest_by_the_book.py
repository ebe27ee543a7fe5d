"""The canonical digest beside one that is computed as docs/reference/proof.md says it, with nothing clever in it."""

from __future__ import annotations

import hashlib
import struct
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from zoffsite.stream.digest import (
    BEGIN,
    END,
    FREE,
    FREEOBJECTS,
    MAGIC,
    OBJECT,
    OBJECT_RANGE,
    RAW,
    RECORD,
    SPILL,
    WRITE,
    WRITE_EMBEDDED,
    StreamDigest,
)

NONCE = bytes(range(32))
LENGTHS = {
    BEGIN: ("<I", 4, None),
    OBJECT: ("<I", 28, 36),
    WRITE: ("<Q", 32, 96),
    SPILL: ("<Q", 16, 40),
    WRITE_EMBEDDED: ("<I", 52, None),
}
"""How a length is written, where that of the plain payload stands, and where one that goes before it unless it is 0."""
BLANK = {
    BEGIN: (range(4, 8), range(16, 24), range(36, 40), range(56, 312)),
    WRITE: (range(48, 50), range(56, 96), range(280, 312)),
    END: (range(8, 40), range(280, 312)),
}
OTHERS_BLANK = (range(280, 312),)


def payload_of(head: bytes | bytearray, kind: int) -> int:
    """How many bytes follow a record."""
    if kind not in LENGTHS:
        return 0
    form, plain_at, raw_at = LENGTHS[kind]
    plain = int(struct.unpack_from(form, head, plain_at)[0])
    raw = int(struct.unpack_from(form, head, raw_at)[0]) if raw_at else 0
    return raw or (plain if kind in (BEGIN, WRITE) else plain + -plain % 8)


def by_the_book(stream: bytes) -> str:
    """One record after the other, and every byte of it."""
    taken = hashlib.blake2b(key=NONCE, digest_size=32, person=b"zoffsite-proof-1")
    at = 0
    while at < len(stream):
        head = bytearray(stream[at : at + RECORD])
        kind = int.from_bytes(head[:4], "little")
        end = at + RECORD + payload_of(head, kind)
        for byte in (byte for blank in BLANK.get(kind, OTHERS_BLANK) for byte in blank):
            head[byte] = 0
        if kind not in (FREE, FREEOBJECTS):
            taken.update(head)
            taken.update(b"" if kind == BEGIN else stream[at + RECORD : end])
        at = end
    return taken.hexdigest()


@st.composite
def records(draw: st.DrawFn, kind: int) -> bytes:
    """A record with its payload, and noise wherever nothing else must stand."""
    noise = draw(st.randoms(use_true_random=False))
    head = bytearray(noise.randbytes(RECORD))
    struct.pack_into("<I", head, 0, kind)
    if kind in LENGTHS:
        form, *places = LENGTHS[kind]
        for place in filter(None, places):
            struct.pack_into(form, head, place, draw(st.integers(0, 400)))
    if kind == BEGIN:
        struct.pack_into("<QQ", head, 8, MAGIC, RAW << 2 | 1)
        head[-1] = 0
    return bytes(head) + noise.randbytes(payload_of(head, kind))


def in_a_row(*kinds: int) -> st.SearchStrategy[bytes]:
    return st.tuples(*map(records, kinds)).map(b"".join)


KINDS = st.sampled_from([OBJECT, WRITE, FREE, FREEOBJECTS, SPILL, WRITE_EMBEDDED, OBJECT_RANGE])
FILES = KINDS.flatmap(lambda between: in_a_row(OBJECT, between, WRITE)) | in_a_row(OBJECT, FREE, WRITE)
BODIES = st.lists(KINDS.flatmap(in_a_row) | FILES, max_size=10).map(b"".join)


@given(records(BEGIN), BODIES, records(END), st.lists(st.integers(0, 2**16), max_size=5))
def test_any_mix_of_records_has_the_digest_that_the_book_gives(
    begin: bytes, body: bytes, end: bytes, cuts: list[int]
) -> None:
    stream = begin + body + end
    taken = StreamDigest(NONCE)
    for first, last in pairwise([0, *sorted(cut % len(stream) for cut in cuts), len(stream)]):
        taken.update(stream[first:last])
    assert taken.finish().digest == by_the_book(stream)
