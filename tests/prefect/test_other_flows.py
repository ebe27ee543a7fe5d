"""The flows beside the backup as deployments: each carried out by what is served, and its artifacts."""

from __future__ import annotations

import pytest

from tests.prefect.prefect_stage import ROOT, Seen, Stage
from tests.prefect.ui import Json

pytestmark = [pytest.mark.lab, pytest.mark.prefect]
DATASETS = ("tank/enc/a", "tank/enc/b", "tank/enc/c")


@pytest.fixture(scope="module")
def pruned(stage: Stage, first: Seen) -> Seen:
    return stage.seen(stage.ui.wait_for(stage.trigger("prune")))


@pytest.fixture(scope="module")
def proved(stage: Stage, pruned: Seen) -> Seen:
    stage.lab.box.run(f"zfs allow -u zoffsite send {ROOT}")
    return stage.seen(stage.ui.wait_for(stage.trigger("prove", datasets=list(DATASETS[:2]))))


def test_a_dry_run_changes_nothing_and_shows_the_plan(stage: Stage, first: Seen) -> None:
    seen = stage.seen(stage.ui.wait_for(stage.trigger(dry_run=True, datasets=list(DATASETS[:1]))))
    assert seen.run["state_type"] == "COMPLETED", seen.run["state"]["message"]
    assert seen.run["name"].endswith("(only planned)")
    plan = seen.artifacts["plan-home"]["data"]
    assert [dataset in plan for dataset in DATASETS] == [True, False, False]
    assert seen.report["run"] == first.report["run"]


def test_prune_is_carried_out_and_reported(pruned: Seen) -> None:
    assert pruned.run["state_type"] == "COMPLETED", pruned.run["state"]["message"]
    assert pruned.run["name"] == "home: prune, 0 + 0 snapshots"
    assert all(dataset in pruned.artifacts["report-home-prune"]["data"] for dataset in DATASETS)


def test_prove_is_carried_out_for_the_datasets_that_were_asked_for_and_reported(proved: Seen) -> None:
    assert proved.run["state_type"] == "COMPLETED", proved.run["state"]["message"]
    assert proved.run["name"] == "home: prove, 2 of 2 good"
    assert {f"prove {dataset}" for dataset in DATASETS[:2]} == {name for name in proved.tasks if "tank" in name}
    report = proved.artifacts["report-home-prove"]["data"]
    assert [dataset in report for dataset in DATASETS] == [True, True, False]
    bars = [proved.artifacts.get(f"prove-{dataset.replace('/', '-')}") for dataset in DATASETS]
    assert [bar and (bar["type"], bar["data"]) for bar in bars] == [("progress", 100), ("progress", 100), None]


def test_drill_brings_back_what_was_asked_for_and_reports_it(stage: Stage, proved: Seen) -> None:
    drilled = stage.seen(stage.ui.wait_for(stage.trigger("drill", datasets=list(DATASETS[:1]))))
    assert drilled.run["state_type"] == "COMPLETED", drilled.run["state"]["message"]
    assert drilled.run["name"] == "home: drill, 1 of 1 good"
    assert {f"drill {DATASETS[0]}"} == {name for name in drilled.tasks if "tank" in name}
    assert DATASETS[0] in drilled.artifacts["report-home-drill"]["data"]
    assert "zoffsite-drill" not in stage.lab.source.run("zfs list -Ho name")


def test_verify_shows_the_age_of_every_replica(stage: Stage, missed: list[Json]) -> None:
    (done,) = [run for run in missed if run["state_type"] == "COMPLETED"]
    ages = stage.seen(done).artifacts["freshness-home"]["data"]
    assert all(f"| {dataset} |" in ages for dataset in DATASETS)


def test_a_backup_shows_the_age_of_every_replica_too(first: Seen) -> None:
    ages = first.artifacts["freshness-home"]["data"]
    assert all(f"| {dataset} | OK |" in ages for dataset in DATASETS)


def test_the_last_runs_are_a_picture_and_a_line_each_whatever_they_were(proved: Seen) -> None:
    runs = proved.artifacts["runs-home"]["data"]
    assert "](data:image/svg+xml;base64," in runs
    assert [f"| {verb} |" in runs for verb in ("backup", "prune", "prove")] == [True] * 3
