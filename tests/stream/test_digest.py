"""The canonical digest, on streams made here. That real ones agree on both ends: tests/lab/chain/test_prove.py."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tracemalloc
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.digest import record
from zoffsite.stream import digest as module
from zoffsite.stream.digest import (
    BEGIN,
    END,
    FREE,
    FREEOBJECTS,
    LONGEST,
    MAGIC,
    OBJECT,
    OBJECT_RANGE,
    RAW,
    RECORD,
    SPILL,
    WRITE,
    WRITE_BYREF,
    WRITE_EMBEDDED,
    Digested,
    MalformedStreamError,
    StreamDigest,
)

NONCE = bytes(range(32))
VERSION = RAW << 2 | 1
BEGINNING = record(
    BEGIN, (4, "<I", 40), (8, "<Q", MAGIC), (16, "<Q", VERSION), (24, "<Q", 99), (32, "<I", 2), (40, "<Q", 7)
)
PARTS = {
    "begin": BEGINNING + b"k" * 40,
    "range": record(OBJECT_RANGE, (16, "<Q", 32)),
    "object": record(OBJECT, (8, "<Q", 3), (28, "<I", 44)) + b"b" * 48,
    "raw object": record(OBJECT, (8, "<Q", 4), (28, "<I", 44), (36, "<I", 64)) + b"r" * 64,
    "frees": record(FREEOBJECTS, (8, "<Q", 5)) + record(FREE, (8, "<Q", 3)),
    "write": record(WRITE, (32, "<Q", 4096), (96, "<Q", 700)) + b"w" * 700,
    "plain write": record(WRITE, (24, "<Q", 4096), (32, "<Q", 512)) + b"p" * 512,
    "spill": record(SPILL, (16, "<Q", 512), (40, "<Q", 90)) + b"s" * 90,
    "embedded": record(WRITE_EMBEDDED, (48, "<I", 90), (52, "<I", 13)) + b"e" * 16,
    "end": record(END, (8, "<Q", 12345), (40, "<Q", 7)),
}
STREAM = b"".join(PARTS.values())


def offset(part: str) -> int:
    """Where a part begins."""
    names = list(PARTS)
    return sum(len(PARTS[name]) for name in names[: names.index(part)])


def digest(*pieces: bytes, nonce: bytes = NONCE) -> Digested:
    taken = StreamDigest(nonce)
    for piece in pieces:
        taken.update(piece)
    return taken.finish()


WHOLE = digest(STREAM)


def changed(stream: bytes, at: int, bit: int = 1) -> bytes:
    return stream[:at] + bytes([stream[at] ^ bit]) + stream[at + 1 :]


@cache
def left_out() -> frozenset[int]:
    """The bytes that may be anything, as docs/reference/proof.md lists them."""
    found: set[int] = set()
    begin, end = offset("begin"), offset("end")
    found |= {*range(begin + 16, begin + 24), *range(begin + 36, begin + 40)}  # features, flags
    found |= {*range(begin + 56, begin + RECORD + 40)}  # name, wrapped key
    found |= {*range(end + 8, end + 40)}
    found |= {*range(offset("frees"), offset("write"))}
    for name in ("write", "plain write"):
        found |= {offset(name) + at for at in (48, 49, *range(56, 96))}
    for name in PARTS.keys() - {"begin", "frees"}:
        found |= {offset(name) + at for at in range(RECORD - 32, RECORD)}
    return frozenset(found)


def test_it_says_of_which_snapshot_it_is_and_how_long() -> None:
    assert WHOLE[1:] == (7, 0, len(STREAM), 11)
    assert len(WHOLE.digest) == 64


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_the_pieces_in_which_it_comes_change_nothing(cuts: list[int]) -> None:
    marks = [0, *sorted(cuts), len(STREAM)]
    assert digest(*(STREAM[a:b] for a, b in pairwise(marks))) == WHOLE


def seen(at: int) -> bool:
    """Whether the lowest or the highest bit of a byte, flipped, changes the digest, or leaves no stream."""
    try:
        return all(digest(changed(STREAM, at, bit)).digest != WHOLE.digest for bit in (1, 128))
    except MalformedStreamError:
        return True


def test_a_flipped_bit_of_any_byte_that_bears_data_is_seen() -> None:
    assert [at for at in range(len(STREAM)) if at not in left_out() and not seen(at)] == []


def test_what_only_tells_how_this_end_keeps_it_is_left_out() -> None:
    frees = set(range(offset("frees"), offset("write")))
    plain_and_raw = {offset("begin") + 16, offset("begin") + 19}  # they are among the bits of these
    assert [at for at in sorted(left_out() - frees - plain_and_raw) if seen(at)] == []


def test_what_was_freed_on_the_way_is_left_out() -> None:
    without = b"".join(part for name, part in PARTS.items() if name != "frees")
    assert digest(without).digest == WHOLE.digest


def test_another_nonce_gives_another_digest() -> None:
    assert digest(STREAM, nonce=bytes(32)).digest != WHOLE.digest


def test_a_missing_record_is_seen_and_so_is_another_order() -> None:
    names = [name for name in PARTS if name not in ("begin", "end", "frees")]
    for name in names:
        assert digest(STREAM.replace(PARTS[name], b"")).digest != WHOLE.digest
    for first, second in pairwise(names):
        if "frees" in list(PARTS)[list(PARTS).index(first) : list(PARTS).index(second)]:
            continue
        swapped = STREAM.replace(PARTS[first] + PARTS[second], PARTS[second] + PARTS[first])
        assert digest(swapped).digest != WHOLE.digest


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        STREAM[:-1],
        STREAM[: -len(PARTS["end"])],
        STREAM + b"\0",
        STREAM + PARTS["write"],
        STREAM[len(PARTS["begin"]) :],
        PARTS["begin"] + STREAM,
        STREAM.replace(PARTS["frees"], record(WRITE_BYREF)),
        STREAM.replace(PARTS["frees"], record(77)),
        record(BEGIN, (8, "<Q", MAGIC), (16, "<Q", 1), (40, "<Q", 7)) + PARTS["end"],
        record(BEGIN, (8, "<Q", MAGIC), (16, "<Q", VERSION + 1), (40, "<Q", 7)) + PARTS["end"],
        b"hello" * 200,
    ],
    ids=[
        "nothing",
        "cut",
        "no end",
        "more",
        "more records",
        "no begin",
        "two",
        "by reference",
        "unknown",
        "not raw",
        "compound",
        "text",
    ],
)
def test_what_is_no_whole_plain_raw_stream_has_no_digest(stream: bytes) -> None:
    with pytest.raises(MalformedStreamError):
        digest(stream)


@pytest.mark.parametrize(
    "lie",
    [
        record(WRITE, (32, "<Q", 2**63)),
        record(WRITE, (96, "<Q", LONGEST + 1)),
        record(OBJECT, (36, "<I", 2**32 - 1)),
        record(SPILL, (16, "<Q", 2**64 - 1)),
        record(WRITE_EMBEDDED, (52, "<I", 2**32 - 1)),
    ],
)
def test_a_length_that_no_honest_record_has_is_refused_and_takes_no_memory(lie: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(MalformedStreamError, match="bytes of payload"):
            digest(PARTS["begin"] + lie)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def as_program(stream: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    """The file as the box runs it: alone, whatever else is installed."""
    return subprocess.run([sys.executable, "-I", str(module.__file__), *words], input=stream, capture_output=True)


def test_the_file_alone_is_the_program_that_the_box_runs() -> None:
    done = as_program(STREAM, NONCE.hex())
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["digest"], said["toguid"], said["bytes"]) == (WHOLE.digest, "7", len(STREAM))


def test_the_program_reads_no_faster_than_it_may() -> None:
    began = time.monotonic()
    done = as_program(STREAM, NONCE.hex(), str(4 * len(STREAM)))
    assert time.monotonic() - began >= 0.25
    assert json.loads(done.stdout) == json.loads(as_program(STREAM, NONCE.hex(), "0").stdout)


@pytest.mark.parametrize(
    ("stream", "words", "code"),
    [
        (STREAM[:-1], (NONCE.hex(),), 65),
        (STREAM, ("abc",), 64),
        (STREAM, (), 64),
        (STREAM, ("00" * 31,), 64),
        (STREAM, (NONCE.hex(), "-1"), 64),
        (STREAM, (NONCE.hex(), "tell"), 64),
    ],
)
def test_the_program_says_when_it_cannot(stream: bytes, words: tuple[str, ...], code: int) -> None:
    done = as_program(stream, *words)
    assert (done.returncode, done.stdout) == (code, b"")
    assert done.stderr
