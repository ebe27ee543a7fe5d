"""Datasets that say themselves whether they are backed up, by the user property zoffsite:backup."""

from __future__ import annotations

import pytest

from lab import Lab

from .conftest import MakeStage
from .stage import Json, Stage

pytestmark = pytest.mark.lab
TREE = "tank/choice"
ON, BELOW, OFF, OTHERS, ODD, SILENT = (
    f"{TREE}/{name}" for name in ("on", "on/below", "off", "others", "odd", "silent")
)


@pytest.fixture(scope="module")
def stage(fresh: Lab, make_stage: MakeStage) -> Stage:
    """On machines of its own: a job by property looks at the whole source, where others' trees might ask for it."""
    made = make_stage("choice")
    made.source.run(
        f"for d in {ON} {BELOW} {OFF} {OTHERS} {ODD} {SILENT}; do zfs create $d; done;"
        f"zfs set zoffsite:backup=on {ON}; zfs set zoffsite:backup=off {OFF};"
        f"zfs set zoffsite:backup=usb {OTHERS}; zfs set zoffsite:backup=yes {ODD}"
    )
    with (made.folder / "zoffsite.toml").open("a") as toml:  # a second job, so that its name is known
        box = (made.folder / "zoffsite.toml").read_text().split("[box.friend]")[1].split("[job.home]")[0]
        toml.write(f"\n[box.usb]{box.replace(made.root, made.root + '-usb')}\n[job.usb]\nsource = 'nas'\nbox = 'usb'\n")
        toml.write(f"datasets = ['{TREE}']\n")
    return made


def by_property(stage: Stage) -> None:
    """Only what asks for it."""
    toml = stage.folder / "zoffsite.toml"
    toml.write_text(toml.read_text().replace(f'datasets = ["{TREE}"]', "by_property = true"))


def actions(plan: Json) -> dict[str, str]:
    return {each["source"]: each["action"] for each in plan["datasets"]}


def test_off_and_the_names_of_other_jobs_exclude_and_a_slip_of_the_pen_is_refused(stage: Stage) -> None:
    plan = stage.zoffsite("plan", "--job", "home", "--json").json
    assert actions(plan) == {TREE: "full", ON: "full", BELOW: "full", ODD: "refused", SILENT: "full"}
    report = stage.backup("--job", "home", expect=4)
    assert {each["source"]: each["state"] for each in report["datasets"]} == {
        TREE: "sent",
        ON: "sent",
        BELOW: "sent",
        ODD: "refused",
        SILENT: "sent",
    }
    error = stage.part(report, ODD)["error"]
    assert error["code"] == "bad-choice"
    assert f"zfs inherit zoffsite:backup {ODD}" in error["remedy"]
    assert f"zfs set zoffsite:backup=on {ODD}" in stage.zoffsite("config", "check", expect=1).said
    assert stage.names(stage.source, ODD) == stage.names(stage.source, OFF) == stage.names(stage.source, OTHERS) == []


def test_a_job_by_property_takes_what_asks_for_it_and_nothing_else(stage: Stage) -> None:
    by_property(stage)
    plan = stage.zoffsite("plan", "--job", "home", "--json").json
    assert actions(plan) == {ON: "up-to-date", BELOW: "up-to-date", ODD: "refused"}


def test_the_remedies_typed_as_they_stand_help(stage: Stage) -> None:
    stage.source.run(["zfs", "inherit", "zoffsite:backup", ODD])
    stage.source.run(["zfs", "set", "zoffsite:backup=usb, home", OTHERS])
    report = stage.backup("--job", "home")
    assert {each["source"]: each["state"] for each in report["datasets"]} == {
        ON: "up-to-date",
        BELOW: "up-to-date",
        OTHERS: "sent",
    }


def test_a_job_that_nothing_asks_for_is_an_error(stage: Stage) -> None:
    for dataset in (ON, OTHERS):
        stage.source.run(["zfs", "set", "zoffsite:backup=off", dataset])
    done = stage.zoffsite("plan", "--job", "home", expect=2)
    assert "no dataset asks for it by its property zoffsite:backup" in done.said
    assert "zfs set zoffsite:backup=home DATASET" in done.said
