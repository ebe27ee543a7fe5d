"""Bit rot on the box's disk: what it can no longer read is found by a proof and by a drill, and said in clear words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .conftest import MakeStage
from .forged import RECORD, last_write
from .stage import Json, Stage

pytestmark = pytest.mark.lab

DISK = "/dev/vdc1"
ROT = """\
import os, sys
wanted, at, before = sys.stdin.buffer.read(), 0, b""
with open(sys.argv[1], "r+b", buffering=0) as disk:
    while piece := disk.read(8 << 20):
        found = (before + piece).find(wanted)
        if found >= 0:
            disk.seek(at - len(before) + found + len(wanted) // 2)
            disk.write(b"rotten")
            os.fsync(disk.fileno())
            sys.exit()
        at, before = at + len(piece), piece[-len(wanted):]
sys.exit("the block is not there")
"""
"""Write over the middle of a block, which comes on stdin as it is on the disk: raw streams have it so."""


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Iterator[Stage]:
    """A backup in a pool of one disk, and one block of it rotten."""
    made = make_stage("rot")
    made.box.run(f"zpool create -f -o cachefile=none -O mountpoint=none -O canmount=off rot {DISK}")
    made.root = "rot/rot"
    made.box.prepare_box(made.root)
    made.box.run(f"zfs allow -u zoffsite send {made.root}")
    made.configure()
    made.write("random", "1M")
    made.backup()
    inode = int(made.source.run(f"stat -c %i /{made.tree}/random"))
    with made.box.popen(["zfs", "send", "-w", f"{made.replica()}@{made.names(made.box, made.replica())[0]}"]) as sender:
        assert sender.stdout is not None
        stream = sender.stdout.read()
    at, size = last_write(stream, inode)
    made.box.run("zpool export rot")
    made.box.run(["python3", "-c", ROT, DISK], stdin=stream[at + RECORD : at + RECORD + size])
    made.box.run(f"zpool import -o cachefile=none -d {DISK} rot")
    yield made
    made.box.run("zpool destroy -f rot")


@pytest.mark.parametrize("verb", ["prove", "drill"])
def test_what_the_box_can_no_longer_read_is_found(stage: Stage, verb: str) -> None:
    report: Json = stage.zoffsite(verb, "--json", expect=1).json
    (one,) = report["drills" if verb == "drill" else "proofs"]
    assert (one["state"], one["error"]["code"]) == ("failed", "io-error"), one
    assert "zpool status -v rot" in one["error"]["remedy"]
    assert stage.source.try_run("zfs list tank/zoffsite-drill-home").code != 0
