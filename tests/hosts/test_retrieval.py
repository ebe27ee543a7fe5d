"""What a box may send back: stand-ins for `zfs send` there and `zfs receive` here, with the real key of a stream."""

from __future__ import annotations

import os
import shlex
import struct
from pathlib import Path

import pytest

from tests.hosts.streams import GUID, MAGIC, RAW
from tests.planning.make import there
from zoffsite.hosts.endpoint import PlainBox
from zoffsite.hosts.limiter import Limiter
from zoffsite.hosts.local import LocalRunner
from zoffsite.hosts.receiver import Receiver
from zoffsite.hosts.retrieval import retrieve
from zoffsite.model.errors import SafetyError, ZoffsiteError
from zoffsite.model.restore import Restoration, RestoreAction

KEY = (Path(__file__).parents[1] / "stream/payloads/2.1-full.bin").read_bytes()
ZFS = """\
#!/bin/sh
case $1 in
send) cat {stream} ;;
receive) echo "$@" >{called}; cat >{received} ;;
esac
"""


def stream(
    *,
    toguid: int = GUID,
    fromguid: int = 0,
    features: int = RAW,
    header: int = 1,
    payload: bytes = KEY,
    size: int = 10_000,
) -> bytes:
    head = struct.pack("<IIQQQIIQQ", 0, len(payload), MAGIC, features << 2 | header, 0, 2, 0, toguid, fromguid)
    return head + b"vault/x@y".ljust(256, b"\0") + payload + bytes(size)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    words = {name: shlex.quote(str(tmp_path / name)) for name in ("stream", "called", "received")}
    (tmp_path / "zfs").write_text(ZFS.format(**words))
    (tmp_path / "zfs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def bring(longest: int = 10**6) -> int:
    snapshot = there(1, guid=GUID)
    part = Restoration(
        dataset="tank/home",
        replica=snapshot.dataset,
        target="tank/back",
        action=RestoreAction.RECEIVE,
        reason="it is not here yet",
        snapshot=snapshot,
        longest=longest,
    )
    runner = LocalRunner()
    limiter = Limiter(lambda: None)
    return retrieve(PlainBox(runner, "vault/box"), Receiver(runner), part, snapshot, limiter=limiter, stall=30.0)


def test_the_planned_stream_arrives_byte_for_byte_in_a_receive_that_overwrites_nothing(place: Path) -> None:
    (place / "stream").write_bytes(stream())
    assert bring() == len(stream())
    assert (place / "received").read_bytes() == stream()
    assert (place / "called").read_text() == "receive -s -u tank/back\n"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (stream(toguid=GUID + 1), "stream-unexpected-guid"),
        (stream(fromguid=5), "stream-unexpected-guid"),
        (stream(features=0), "stream-not-raw"),
        (stream(header=2), "stream-compound"),
        (stream(payload=b""), "stream-malformed"),
        (stream(payload=KEY[:-8]), "stream-malformed"),
        (b"x" * 400, "stream-malformed"),
    ],
    ids=["another snapshot", "an increment", "plaintext", "several in one", "no key", "half a key", "no stream"],
)
def test_any_other_stream_is_refused_before_a_receive_is_started(place: Path, sent: bytes, code: str) -> None:
    (place / "stream").write_bytes(sent)
    with pytest.raises(SafetyError) as caught:
        bring()
    assert caught.value.code == code
    assert "nothing has left" not in caught.value.remedy
    assert not (place / "called").exists()


def test_a_stream_that_is_longer_than_its_snapshot_allows_is_cut(place: Path) -> None:
    (place / "stream").write_bytes(stream(size=5_000_000))
    with pytest.raises(SafetyError) as caught:
        bring(longest=100_000)
    assert caught.value.code == "stream-too-long"
    assert (place / "received").stat().st_size < 4_000_000


def test_a_box_that_sends_nothing_says_why(place: Path) -> None:
    (place / "zfs").write_text("#!/bin/sh\necho \"cannot open 'vault': permission denied\" >&2\nexit 1\n")
    with pytest.raises(ZoffsiteError) as caught:
        bring()
    assert caught.value.code == "not-permitted"
    assert caught.value.remedy.endswith("zfs allow -u root send vault/box") or "send vault/box" in caught.value.remedy
