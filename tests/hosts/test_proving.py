"""Both ends are asked at once: a stand-in for `zfs` sends what each snapshot's name says."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path

import pytest

from bench.digest import record
from tests.planning.make import snap, there
from tests.stream.test_digest import PARTS, STREAM
from zoffsite.hosts import proving
from zoffsite.hosts.endpoint import PlainBox, Source
from zoffsite.hosts.local import LocalRunner
from zoffsite.hosts.proving import ask_both, longest_silence
from zoffsite.hosts.telling import OnBytes
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.plan import SendStep
from zoffsite.model.proof import Provable, StreamDigest
from zoffsite.stream.digest import WRITE
from zoffsite.stream.digest import StreamDigest as Digest

NONCE = bytes(range(32))
LONG = PARTS["begin"] + 3 * (record(WRITE, (96, "<Q", 1 << 20)) + bytes(1 << 20)) + PARTS["end"]
ZFS = """\
#!/bin/sh
for name; do :; done
case $name in
*@good) cat {stream} ;;
*@long) cat {long} ;;
*@cut) head -c 500 {stream} ;;
*@forbidden) echo "warning: cannot send '$name': permission denied" >&2; exit 1 ;;
*@endless) echo $$ >{pid}; exec sleep 600 ;;
esac
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "stream").write_bytes(STREAM)
    (tmp_path / "long").write_bytes(LONG)
    words = {name: shlex.quote(str(tmp_path / name)) for name in ("stream", "long", "pid")}
    (tmp_path / "zfs").write_text(ZFS.format(**words))
    (tmp_path / "zfs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def ask(
    ours: str, theirs: str, rate: int | None = None, on_bytes: OnBytes = lambda _: None
) -> tuple[StreamDigest, StreamDigest]:
    each = Provable(
        dataset="tank/home",
        replica="vault/box/tank:home",
        ours=SendStep(to=snap(1, name=ours), base=None, estimated_bytes=0),
        theirs=SendStep(to=there(1, name=theirs), base=None, estimated_bytes=0),
        proved=None,
        newest=True,
    )
    runner = LocalRunner()
    return ask_both(Source(runner), PlainBox(runner, "vault/box"), each, NONCE, rate, on_bytes)


def ended(pid: Path) -> bool:
    """Whether the process has, or soon does; one that never got so far has, too."""
    for _ in range(100):
        if not pid.exists() or not (process := Path("/proc", pid.read_text().strip())).exists():
            return True
        if process.joinpath("stat").read_text().split()[2] == "Z":
            return True
        time.sleep(0.1)
    return False


def test_each_end_digests_its_own_stream_with_the_nonce(place: Path) -> None:
    ours, theirs = ask("good", "good")
    known = Digest(NONCE)
    known.update(STREAM)
    assert ours == theirs
    assert ours.digest == known.finish().digest


def test_the_source_tells_how_much_it_has_read_while_it_reads(place: Path) -> None:
    told: list[int] = []
    ours, theirs = ask("long", "long", rate=1 << 20, on_bytes=told.append)
    assert ours == theirs
    assert ours.bytes == len(LONG)
    assert len(told) >= 2
    assert told == sorted(set(told))
    assert 0 < told[0] < told[-1] <= len(LONG)


@pytest.mark.parametrize(("theirs", "code"), [("forbidden", "not-permitted"), ("cut", "no-whole-stream")])
def test_the_failure_of_one_end_is_told_and_the_other_reads_no_further(place: Path, theirs: str, code: str) -> None:
    with pytest.raises(ZoffsiteError) as caught:
        ask("endless", theirs)
    assert caught.value.code == code
    assert ended(place / "pid")


def test_a_box_that_never_answers_is_not_waited_for(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "PATIENCE", 1.0)
    with pytest.raises(ZoffsiteError) as caught:
        ask("good", "endless")
    assert (caught.value.code, caught.value.transient) == ("timeout", False)
    assert ended(place / "pid")


def test_a_box_is_waited_for_as_long_as_a_slow_disk_takes_and_longer_where_it_may_read_less() -> None:
    size = 500 * 10**9
    assert longest_silence(size, None) >= size / 10**6
    assert longest_silence(size, 100 * 10**6) == longest_silence(size, None)
    assert longest_silence(size, 10**5) >= size / 10**5


def test_a_stream_that_is_cut_has_no_digest(place: Path) -> None:
    with pytest.raises(ZoffsiteError, match="ends before its end record"):
        ask("good", "cut")
