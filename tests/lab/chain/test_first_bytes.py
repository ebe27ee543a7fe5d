"""A source whose zfs does not do as it was told: the first record of the stream shows it, and no byte leaves."""

from __future__ import annotations

import pytest

from .conftest import MakeStage
from .impostor import REAL, impostor
from .stage import Stage

pytestmark = pytest.mark.lab
TREE = "tank/first"


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Stage:
    """Its key is loaded, so that it could be sent in the clear."""
    made = make_stage("first")
    made.source.run(["zfs", "snapshot", f"{made.tree}@before"])
    made.write("secret", "100K")
    return made


@pytest.mark.parametrize(
    ("does", "code"),
    [
        (f"{REAL} send ${{@:3}}", "stream-not-raw"),
        (f"{REAL} send -w -R ${{@:3}}", "stream-compound"),
        (f"{REAL} send -w {TREE}@before", "stream-unexpected-guid"),
        (f"head -c 4K {REAL}", "stream-malformed"),
    ],
    ids=["without -w", "wrapped", "another snapshot", "no stream"],
)
def test_a_stream_that_is_not_what_was_asked_for_never_leaves(stage: Stage, does: str, code: str) -> None:
    stage.configure(snapshots='send = "latest"')
    with impostor(stage.source, "root", "send", f"exec {does}"):
        done = stage.zoffsite("--verbose", "backup", "--direct", "--json", expect=4)
    part = stage.part(done.json)
    assert (part["state"], part["error"]["code"], part["bytes"]) == ("refused", code, 0)
    assert "zfs send -w" in done.err
    assert "zfs receive" not in done.err
    assert stage.box.try_run(["zfs", "list", stage.replica()]).code != 0
