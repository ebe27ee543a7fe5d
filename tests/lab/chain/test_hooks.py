"""Commands of the user around the snapshot, on the source machine."""

from __future__ import annotations

import json
import signal

import pytest

from .conftest import MakeStage
from .stage import Stage, await_true

pytestmark = pytest.mark.lab
TREE = "tank/hook"
DB, HOME = f"{TREE}/db", f"{TREE}/home"
DIARY = "/root/diary"


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Stage:
    made = make_stage("hook", datasets=[f"{TREE}/*"])
    made.source.run(f"zfs create {DB}; zfs create {HOME}")
    return made


def hook(
    stage: Stage, before: str, after: str = f"echo after >> {DIARY}", dataset: str = DB, timeout: str = "1m"
) -> None:
    """Give the job this one hook, its commands as lines of shell, and begin the diary anew."""
    stage.configure()
    commands = f'before = ["sh", "-c", {json.dumps(before)}]\nafter = ["sh", "-c", {json.dumps(after)}]'
    with (stage.folder / "zoffsite.toml").open("a") as toml:
        toml.write(f'\n[[job.home.hooks]]\ndatasets = ["{dataset}"]\n{commands}\ntimeout = "{timeout}"\n')
    stage.source.run(f"rm -f {DIARY}; touch {DIARY}")


def diary(stage: Stage) -> list[str]:
    return stage.source.run(["cat", DIARY]).split()


def in_newest(stage: Stage, dataset: str) -> list[str]:
    """The files in the newest snapshot."""
    newest = stage.names(stage.source, dataset)[-1]
    return stage.source.run(f"ls '/{dataset}/.zfs/snapshot/{newest}'").split()


def test_a_plan_lists_the_hooks_and_runs_none(stage: Stage) -> None:
    hook(stage, f"echo before >> {DIARY}")
    (listed,) = stage.zoffsite("plan", "--json").json["hooks"]
    assert listed["datasets"] == [DB]
    assert listed["before"] == ["sh", "-c", f"echo before >> {DIARY}"]
    assert f"before the snapshot of {DB}: sh -c" in stage.zoffsite("plan").said
    assert diary(stage) == []


def test_what_a_before_writes_is_in_the_snapshot_and_what_an_after_writes_is_not(stage: Stage) -> None:
    stage.backup()
    hook(stage, f"echo before >> {DIARY}; echo data > /{DB}/dump", f"echo after >> {DIARY}; echo data > /{DB}/late")
    report = stage.backup()
    assert {each["source"]: each["state"] for each in report["datasets"]} == {DB: "sent", HOME: "up-to-date"}
    assert diary(stage) == ["before", "after"]
    assert in_newest(stage, DB) == ["dump"]


def test_only_hooks_of_the_datasets_of_the_run_are_run(stage: Stage) -> None:
    hook(stage, f"echo before >> {DIARY}")
    stage.backup("--dataset", HOME)
    assert diary(stage) == []


def test_a_failing_before_leaves_its_dataset_out_and_says_why_and_the_others_go_on(stage: Stage) -> None:
    taken = stage.names(stage.source, DB)
    stage.write("letter", "20K", HOME)
    stage.write("row", "20K", DB)
    hook(stage, f"echo before >> {DIARY}; echo 'the disk is\033[31m on fire' >&2; exit 3")
    report = stage.backup(expect=1)
    part = stage.part(report, DB)
    assert (part["state"], part["error"]["code"], part["bytes"]) == ("failed", "hook-failed", 0)
    assert "it ended with exit code 3: the disk is" in part["error"]["message"]
    assert "\033" not in part["error"]["message"]
    assert stage.part(report, HOME)["state"] == "sent"
    assert diary(stage) == ["before", "after"]
    assert stage.names(stage.source, DB) == taken


def test_a_before_that_hangs_is_ended_on_the_source_and_has_failed(stage: Stage) -> None:
    hook(stage, "sleep 4711", timeout="1s")
    report = stage.backup(expect=1)
    assert "it took longer than 1 s" in stage.part(report, DB)["error"]["message"]
    assert "sleep 4711" not in stage.source.run(["ps", "-eo", "args="])
    assert diary(stage) == ["after"]


def test_a_failing_after_is_an_alert_and_fails_no_dataset(stage: Stage) -> None:
    hook(stage, "true", "echo still frozen; exit 1")
    report = stage.backup()
    assert stage.part(report, DB)["state"] == "sent"
    (notice,) = [each for each in report["notices"] if each["code"] == "hook-failed"]
    assert notice["alert"]
    assert "still frozen" in notice["message"]


def test_a_run_that_is_stopped_in_the_middle_of_a_before_still_runs_the_after(stage: Stage) -> None:
    hook(stage, f"echo before >> {DIARY}; sleep 4712")
    run = stage.start("backup", "--direct", "--json")
    await_true(lambda: diary(stage) == ["before"], "the hook is under way")
    run.send_signal(signal.SIGINT)
    stage.finish(run, 130)
    assert diary(stage) == ["before", "after"]


def test_a_hook_that_is_about_nothing_is_a_mistake(stage: Stage) -> None:
    hook(stage, "true", dataset=f"{TREE}/bd")
    done = stage.zoffsite("backup", "--direct", expect=2)
    assert f"no dataset of the job is {TREE}/bd" in done.said
    assert f"no dataset of the job is {TREE}/bd" in stage.zoffsite("config", "check", expect=1).said
