"""The same chain from a newer OpenZFS to an older one."""

from __future__ import annotations

import pytest

from .conftest import MakeStage
from .stage import Stage, await_true

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("lab", ["2.3:2.1"], indirect=True)
def test_full_incremental_and_resume_from_2_3_to_2_1(lab: object, make_stage: MakeStage) -> None:
    stage = make_stage("back")
    stage.write("one", "300K")
    assert stage.part(stage.backup())["verified"]
    stage.write("two", "4M")
    run = stage.under_way()
    run.kill()
    run.communicate()
    await_true(lambda: stage.token() != "-", "the box keeps what it has")
    done = stage.zoffsite("--verbose", "backup", "--direct", "--json")
    part = stage.part(done.json)
    assert "zfs send -w -t" in done.err
    assert (part["state"], part["verified"]) == ("sent", True)
    assert part["bytes"] < 4_000_000
    restored = stage.restore(stage.tree, "back-again", stage.tree)
    stage.source.run(["zfs", "mount", restored])
    hashes = [stage.source.run(f"cd /{name} && sha256sum *") for name in (stage.tree, restored)]
    assert hashes[0] == hashes[1] != ""
    assert isinstance(stage, Stage)
