"""The gate's grammar and its look at a stream, without a box."""

from __future__ import annotations

import os
import string
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zoffsite.box import gate
from zoffsite.box.gate import BEGIN, GRAMMAR, MAGIC, RAW, ROLES, RefusedError, below, check_begin, parse

GOOD = {
    "hello": "hello",
    "inventory": "inventory tank:home",
    "overview": "overview",
    "snapshots": "snapshots tank:home,tank:my%20home",
    "receive": "receive tank:my%20home 5 0",
    "abort": "abort tank:home",
    "prune": "prune tank:home a%20b=5,c=18446744073709551615",
    "scrub": "scrub",
    "facts": "facts",
    "prove": f"prove tank:home a {'0f' * 32} b",
    "send": "send tank:home a b",
    "resume": "resume 1-e0af-d0-789c63",
    "allow-key": f"allow-key tank:my%20home {'0f' * 32}",
}


def begin(
    version: int = (RAW << 2) | 1, to: int = 5, base: int = 0, magic: int = MAGIC, kind: int = 0, length: int = 0
) -> bytes:
    return BEGIN.pack(kind, length, magic, version, 0, 2, 0, to, base, b"tank/home@a")


def test_every_verb_is_granted_to_its_roles_and_to_no_other() -> None:
    assert set(GOOD) == set(GRAMMAR)
    for role, verbs in ROLES.items():
        for verb, request in GOOD.items():
            if verb in verbs:
                assert parse(request, role)[0] == verb
            else:
                with pytest.raises(RefusedError):
                    parse(request, role)


def test_a_proof_may_have_a_base_and_a_rate() -> None:
    start = f"prove tank a {'0f' * 32}"
    for rest, base, rate in (("", None, None), (" at", "at", None), (" at 5", None, "5"), (" at at 5", "at", "5")):
        words = parse(start + rest, "backup")[1]
        assert (words.get("base"), words.get("rate")) == (base, rate)


def test_words_are_decoded() -> None:
    assert parse("receive tank:my%20home 5 0", "backup")[1] == {"replica": "tank:my home", "to": "5", "base": "0"}


@pytest.mark.parametrize(
    "request_",
    [
        "",
        " hello",
        "hello ",
        "hello\n",
        "HELLO",
        "inventory  tank",
        "inventory tank home",
        "inventory ../tank",
        "inventory tank/home",
        "inventory tank%2Fhome",
        "inventory tank@a",
        "inventory tank;reboot",
        "inventory $(reboot)",
        "overview tank",
        "snapshots tank,",
        "snapshots ,tank",
        "snapshots tank home",
        "snapshots tank%2Chome",
        "snapshots tank@a",
        "snapshots tank/home",
        "receive tank 5",
        "receive tank 5 0 -F",
        "receive -F tank 5 0",
        "receive tank 05 0",
        "receive tank 5 -1",
        "receive tank 5 0\nprune tank a=1",
        "prune tank a",
        "prune tank a=5%b=6",
        "prune tank a%25b=6",
        "prune tank a=5,",
        "zfs list",
        "rollback tank a",
        "send tank a",
        "resume 1-e0af-d0-789c63",
        f"allow-key tank {'0f' * 32}",
        "prove tank a",
        f"prove tank a {'0f' * 31}",
        f"prove tank a {'0F' * 32}",
        f"prove tank a {'0f' * 32} ../b",
        f"prove tank a {'0f' * 32} b at",
        f"prove tank a {'0f' * 32} b at 0",
        f"prove tank a {'0f' * 32} b at -1",
        f"prove tank a {'0f' * 32} b at {'9' * 16}",
        "hello" + "x" * 100_000,
    ],
)
def test_what_is_not_wholly_a_request_is_refused(request_: str) -> None:
    with pytest.raises(RefusedError):
        parse(request_, "backup")


@pytest.mark.parametrize("role", ["", "root", "backup restore"])
def test_a_key_without_a_role_gets_nothing(role: str) -> None:
    with pytest.raises(RefusedError):
        parse("hello", role)


HOSTILE = st.text(alphabet=st.sampled_from("abAZ09_.:-%2 0=,/@#;$&|<>()\n\0\t\\\"'\u00e9"), max_size=40)
WORDS = st.one_of(
    st.lists(st.sampled_from(["a", "Z", "0", "_", ".", ":", "-", "%20"]), min_size=1, max_size=8).map("".join),
    st.sampled_from(["5", "0", "a=5", "a%20b=5,c=6", "0f" * 32, "at", "1-e0af-d0-789c63", "-F", "..", "a%2Fb", ""]),
    HOSTILE,
)
"""What a request is made of, and what it must not be made of."""
SHAPES = {"nonce": set("0123456789abcdef"), "key": set("0123456789abcdef"), "token": set("0123456789abcdef-")}


@given(verb=st.sampled_from(sorted(GRAMMAR)), text=st.one_of(HOSTILE, st.lists(WORDS, max_size=7).map(" ".join)))
@example(verb="prove", text=f"a%20b c%20d {'0f' * 32} e%20f at 5")
@example(verb="send", text="a%20b c%20d e%20f")
@example(verb="receive", text="a%20b 5 6")
@example(verb="prune", text="a%20b c%20d=5,e%20=6")
def test_whatever_is_granted_holds_only_names_and_numbers(verb: str, text: str) -> None:
    for role in ROLES:
        try:
            granted, words = parse(f"{verb} {text}", role)
        except RefusedError:
            continue
        assert granted in ROLES[role]
        for key, word in words.items():
            lists = set("=,") if key == "snapshots" else set(",") if key == "replicas" else set()
            allowed = SHAPES.get(key, set(string.ascii_letters + string.digits + "_.:- ") | lists)
            assert set(word) <= allowed, (key, word)
        if verb == "receive":
            assert words["to"].isdecimal()
            assert words["base"].isdecimal()


@pytest.mark.parametrize("name", [".", "..", " tank", "tank ", "t" * 200])
def test_no_name_leads_out_of_the_root(name: str) -> None:
    with pytest.raises(RefusedError):
        below("vault/zoffsite", name)


def test_a_replica_lies_directly_below_the_root() -> None:
    assert below("vault/zoffsite", "tank:home") == "vault/zoffsite/tank:home"


def test_a_plain_raw_stream_of_the_announced_guids_is_let_in() -> None:
    assert check_begin(begin(to=7, base=3, length=1028), 7, 3) == 1028


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (begin(version=1), "not raw"),
        (begin(version=(RAW << 2) | 2), "no plain stream"),
        (begin(to=6), "not the announced one"),
        (begin(base=9), "not the announced one"),
        (begin(magic=5), "no zfs stream"),
        (begin(kind=1), "no zfs stream"),
        (begin(length=gate.LARGEST_PAYLOAD + 1), "no zfs stream"),
    ],
)
def test_any_other_stream_is_refused(record: bytes, words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        check_begin(record, 5, 0)


def test_the_record_has_the_size_that_zfs_gives_it() -> None:
    assert struct.calcsize(BEGIN.format) == 312


def run_peek(stdin: int) -> subprocess.CompletedProcess[bytes]:
    """The real file peeks at a real stdin, then `cat` has it."""
    program = (
        f"import runpy, os, sys; g = runpy.run_path({str(Path(gate.__file__))!r}); "
        "sys.stderr.buffer.write(g['peek'](312)[:8]); sys.stderr.flush(); os.execvp('cat', ['cat'])"
    )
    return subprocess.run([sys.executable, "-c", program], stdin=stdin, capture_output=True, timeout=30, check=False)


def test_peeking_leaves_the_whole_stream_to_the_receive_also_when_it_comes_in_pieces() -> None:
    data = begin() + b"x" * 10_000
    theirs, ours = os.pipe()
    writer = threading.Thread(target=_write_in_pieces, args=(ours, data))
    writer.start()
    done = run_peek(theirs)
    os.close(theirs)
    writer.join()
    assert (done.returncode, done.stderr, done.stdout) == (0, data[:8], data)


def _write_in_pieces(pipe: int, data: bytes) -> None:
    for start in range(0, len(data), 100):
        os.write(pipe, data[start : start + 100])
    os.close(pipe)


def test_a_stream_that_ends_before_its_first_record_is_refused() -> None:
    theirs, ours = os.pipe()
    os.write(ours, b"short")
    os.close(ours)
    done = run_peek(theirs)
    os.close(theirs)
    assert done.returncode == 1
    assert b"RefusedError" in done.stderr


def test_stdin_that_is_no_pipe_is_refused() -> None:
    done = run_peek(subprocess.DEVNULL)
    assert b"RefusedError" in done.stderr
