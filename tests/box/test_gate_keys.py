"""Which wrapped key the gate lets into a replica: the real file with a real pipe, and a `zfs` that is made up.

The payloads are those of tests/stream/payloads, of real streams.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.box.test_gate import begin
from tests.stream.test_keys import key_of, payload
from zoffsite.box import gate

ROOT = "vault/home"
REPLICA = f"{ROOT}/a"
SAME, CHANGED, ANOTHER = "2.3-incremental", "2.3-incremental-changed", "2.3-own-full"
ZFS = """#!/bin/sh
# `there` has the guids and names of all snapshots; of each dataset that sends, a file has how its stream begins.
cd "{folder}" || exit 1
echo "$@" >>asked
case "$1" in
list)
    for last; do :; done
    grep -q "	$last[@/]" there || {{ echo "cannot open '$last': dataset does not exist" >&2; exit 1; }}
    case "$*" in
    *"guid,name"*) grep "	$last[@/]" there ;;
    *) grep "	$last@" there | cut -f 2 ;;
    esac ;;
send) cat "$(echo "$3" | cut -d @ -f 1 | tr / _)"; cat /dev/zero ;;
receive) wc -c ;;
esac
"""
KEEPER = """#!/bin/sh
echo keeper "$@" >>"{folder}/asked"
grep -qx "$2 $3" "{folder}/allowed"
"""


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A box with two replicas, whose streams begin with keys of their own."""
    (tmp_path / "there").write_text(f"1\t{REPLICA}@one\n2\t{REPLICA}@two\n7\t{ROOT}/b@one\n")
    holds(tmp_path, REPLICA, "2.3-full")
    holds(tmp_path, f"{ROOT}/b", ANOTHER)
    (tmp_path / "allowed").touch()
    for name, text in (("zfs", ZFS), ("keeper", KEEPER)):
        (tmp_path / name).write_text(text.format(folder=tmp_path))
        (tmp_path / name).chmod(0o755)
    return tmp_path


def holds(box: Path, replica: str, name: str) -> None:
    data = payload(name)
    (box / replica.replace("/", "_")).write_bytes(begin(length=len(data)) + data)


def receive(box: Path, replica: str, data: bytes, to: int = 5, base: int = 2) -> subprocess.CompletedProcess[str]:
    """The gate's own file receives this payload, with some more of a stream after it."""
    program = (
        f"import runpy; g = runpy.run_path({str(Path(gate.__file__))!r}); "
        f"g['ENVIRONMENT']['PATH'] = {f'{box}:/usr/bin:/bin'!r}; "
        f"names = g['receive'].__globals__; names['KEEPER'] = ({str(box / 'keeper')!r},)\n"
        f"try: g['receive']({replica!r}, {to}, {base})\n"
        "except g['RefusedError'] as error: raise SystemExit(f'refused: {error}')"
    )
    theirs, ours = os.pipe()
    stream = begin(to=to, base=base, length=len(data)) + data + bytes(1000)
    writer = threading.Thread(target=_write, args=(ours, stream))
    writer.start()
    done = subprocess.run(
        [sys.executable, "-c", program], stdin=theirs, capture_output=True, text=True, timeout=60, check=False
    )
    os.close(theirs)
    writer.join()
    return done


def _write(pipe: int, data: bytes) -> None:
    with os.fdopen(pipe, "wb") as file:
        file.write(data)


def received(done: subprocess.CompletedProcess[str], name: str) -> bool:
    """The whole stream, from its first byte on."""
    if done.returncode != 0:
        return False
    assert int(done.stdout) == gate.BEGIN.size + len(payload(name)) + 1000
    assert done.stderr == ""
    return True


def test_a_stream_with_the_key_that_the_replica_has_is_received_whole_and_asks_nobody(box: Path) -> None:
    assert received(receive(box, REPLICA, payload(SAME)), SAME)
    assert "keeper" not in (box / "asked").read_text()


@pytest.mark.parametrize("name", [CHANGED, ANOTHER])
@pytest.mark.parametrize("base", [0, 2])
def test_a_stream_with_another_key_is_not_even_begun(box: Path, name: str, base: int) -> None:
    done = receive(box, REPLICA, payload(name), base=base)
    assert done.stderr == "refused: the stream brings another wrapped key than the replica has\n"
    assert "receive" not in (box / "asked").read_text()


def test_one_flipped_bit_of_the_wrapped_key_is_another_key(box: Path) -> None:
    data = bytearray(payload(SAME))
    data[data.index(b"DSL_CRYPTO_MASTER_KEY_1\0") + 40] ^= 1
    assert "another wrapped key" in receive(box, REPLICA, bytes(data)).stderr


def test_a_key_that_the_restore_key_let_in_is_received_and_no_third_one(box: Path) -> None:
    (box / "allowed").write_text(f"{REPLICA} {key_of('2.3', 'incremental-changed')}\n")
    assert received(receive(box, REPLICA, payload(CHANGED)), CHANGED)
    assert "another wrapped key" in receive(box, REPLICA, payload(ANOTHER)).stderr


def test_the_first_key_of_a_replica_is_its_sender_s(box: Path) -> None:
    assert received(receive(box, f"{ROOT}/new", payload(ANOTHER), base=0), ANOTHER)


def test_a_clone_has_the_key_of_its_origin_for_they_share_it(box: Path) -> None:
    assert received(receive(box, f"{ROOT}/clone", payload(SAME), base=1), SAME)
    assert "another wrapped key" in receive(box, f"{ROOT}/clone", payload(CHANGED), base=1).stderr


def test_a_copy_of_the_origin_with_a_key_of_its_own_does_not_vouch_for_a_clone(box: Path) -> None:
    with (box / "there").open("a") as file:
        file.write(f"1\t{ROOT}/copy@one\n")
    holds(box, f"{ROOT}/copy", CHANGED)
    assert "another wrapped key" in receive(box, f"{ROOT}/clone", payload(CHANGED), base=1).stderr


def test_what_has_nothing_to_go_on_from_is_refused_in_the_words_of_zfs(box: Path) -> None:
    done = receive(box, f"{ROOT}/new", payload(SAME), base=99)
    assert done.stderr == f"cannot receive: local origin for clone {ROOT}/new does not exist\n"


@pytest.mark.parametrize(
    "change", [lambda _: b"", lambda data: data[:-4], lambda data: data + bytes(4), lambda _: bytes(400)]
)
def test_a_payload_that_is_none_is_refused(box: Path, change: Callable[[bytes], bytes]) -> None:
    assert "cannot be read" in receive(box, REPLICA, change(payload(SAME))).stderr


def test_a_replica_whose_key_cannot_be_read_receives_nothing(box: Path) -> None:
    (box / REPLICA.replace("/", "_")).write_bytes(b"")
    assert "cannot be read" in receive(box, REPLICA, payload(SAME)).stderr
