"""The same chain from a newer OpenZFS to an older one."""

from __future__ import annotations

import pytest

from .churn import day
from .conftest import MakeStage
from .stage import Stage, await_true

pytestmark = pytest.mark.lab
SEEDS = (1, 2, 3, 4)
"""Of days of changes: one that once went wrong stays here."""


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
    stage.box.run(f"zfs allow -u zoffsite send {stage.root}")
    assert {each["state"] for each in stage.zoffsite("prove", "--json").json["proofs"]} == {"proved"}
    assert isinstance(stage, Stage)


@pytest.mark.long
@pytest.mark.parametrize("lab", ["2.3:2.1"], indirect=True)
def test_whatever_is_done_to_the_data_2_1_proves_what_2_3_has_sent(lab: object, make_stage: MakeStage) -> None:
    stage = make_stage("churned", snapshots='take = "always"')
    stage.source.run(f"zfs set xattr=sa {stage.tree}")
    stage.box.run(f"zfs allow -u zoffsite send {stage.root}")
    for seed in SEEDS:
        stage.source.run(day(stage.tree, seed))
        stage.backup()
    report = stage.zoffsite("prove", "--json").json
    found = [(each["base"] is not None, each["state"]) for each in report["proofs"]]
    assert sorted(found) == [(False, "proved"), *[(True, "proved")] * (len(SEEDS) - 1)]
