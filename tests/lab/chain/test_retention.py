"""Pruning on both sides: what a rule, a hold, the base or another tool keeps stays, the rest goes."""

from __future__ import annotations

import pytest

from .conftest import MakeStage
from .stage import Json, Stage

pytestmark = pytest.mark.lab
TREE = "tank/keep"
OLD = [f"zoffsite-home-2026-01-0{day}T03:00:00Z" for day in range(1, 6)]
BY_HAND, AUTOSNAP, NEAR = "by hand: before the_move v1.2-x", "autosnap_2026-01-03_00:00:01_daily", "zoffsite-home-2026"


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Stage:
    """Five snapshots of ours, the second one held; two of other tools, and one that only looks like ours."""
    made = make_stage("keep", keep_source="last = 2", keep_box="last = 3")
    script = "".join(
        f"head -c 4K /dev/urandom >> /{TREE}/file; zfs snapshot '{TREE}@{name}';"
        for name in (OLD[0], BY_HAND, OLD[1], OLD[2], NEAR, AUTOSNAP, OLD[3], OLD[4])
    )
    made.source.run(f"{script} zfs hold mine {TREE}@{OLD[1]}")
    return made


@pytest.fixture(scope="module")
def plan(stage: Stage) -> Json:
    plan: Json = stage.zoffsite("plan", "--json").json
    return plan


@pytest.fixture(scope="module")
def report(stage: Stage, plan: Json) -> Json:
    return stage.backup()


def kept(plan: Json, side: str) -> dict[str, list[str]]:
    (prune,) = [prune for prune in plan["prune"] if prune["side"] == side]
    return {each["name"]: each["reasons"] for each in prune["keep"]}


def test_the_plan_says_what_would_go_and_why_the_rest_stays(plan: Json) -> None:
    destroyed = {prune["side"]: prune["destroy"] for prune in plan["prune"]}
    assert destroyed == {"source": [OLD[0], OLD[2]], "box": [OLD[0], OLD[1]]}
    newest = OLD[4]
    assert kept(plan, "source") == {
        BY_HAND: ["not ours"],
        OLD[1]: ["held"],
        NEAR: ["not ours"],
        AUTOSNAP: ["not ours"],
        OLD[3]: ["last 2: 2"],
        newest: ["newest", "base", "last 2: 1"],
    }
    assert kept(plan, "box") == {
        OLD[2]: ["last 3: 3"],
        OLD[3]: ["last 3: 2"],
        newest: ["newest", "base", "last 3: 1"],
    }


def test_a_run_prunes_exactly_that_on_both_sides(stage: Stage, report: Json) -> None:
    part = stage.part(report)
    assert (part["state"], part["verified"], part["pruned"]) == ("sent", True, {"source": 2, "box": 2})
    assert stage.names(stage.source, TREE) == [BY_HAND, OLD[1], NEAR, AUTOSNAP, OLD[3], OLD[4]]
    assert stage.names(stage.box, stage.replica()) == OLD[2:]


def test_with_send_all_the_snapshots_of_others_travel_whatever_their_names_and_stay(stage: Stage, report: Json) -> None:
    odd = "Zwischenstand: 3. Entwurf -_ alt"
    stage.box.run(["zfs", "hold", "theirs", f"{stage.replica()}@{OLD[2]}"])
    stage.source.run(f"head -c 4K /dev/urandom >> /{TREE}/file; zfs snapshot '{TREE}@{odd}'; zpool sync tank")
    stage.configure(snapshots='send = "all"\ntake = "always"', keep_source="last = 1", keep_box="last = 1")
    part = stage.part(stage.backup())
    assert (part["state"], part["verified"], part["pruned"]) == ("sent", True, {"source": 2, "box": 2})
    assert stage.names(stage.box, stage.replica()) == [OLD[2], odd, part["snapshot"]]
    assert stage.names(stage.source, TREE) == [BY_HAND, OLD[1], NEAR, AUTOSNAP, odd, part["snapshot"]]
