"""A run that breaks off in the middle leaves nothing half done that the next one does not finish."""

from __future__ import annotations

import os
import re
import signal
import subprocess

import pytest

from .conftest import MakeStage
from .stage import Done, Stage, await_true, processes

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Stage:
    return make_stage("cut")


def begun(stage: Stage, name: str, size: str = "6M") -> subprocess.Popen[str]:
    """A run in the middle of a transfer that takes half a minute, or in proportion to `size`."""
    stage.write(name, size)
    return stage.under_way()


def completed(stage: Stage) -> None:
    """The next run finishes, and what the box has is what the source has."""
    part = stage.part(stage.backup())
    assert (part["state"], part["verified"], part["error"]) == ("sent", True, None)
    assert stage.guids(stage.box, stage.replica())[-1] == stage.guids(stage.source, stage.tree)[-1]
    assert stage.token() == "-"


def failure(done: Done) -> tuple[str, bool]:
    """Code and transience of a failed run's only dataset."""
    (part,) = done.json["datasets"]
    assert part["state"] == "failed"
    assert part["error"]["remedy"]
    return part["error"]["code"], part["error"]["transient"]


def test_a_run_killed_with_sigkill_is_resumed_and_the_content_is_the_same(stage: Stage) -> None:
    run = begun(stage, "one")
    run.kill()
    run.communicate()
    await_true(lambda: not processes(stage.box) and not processes(stage.source), "both ends are gone")
    assert stage.token() != "-"
    plan = stage.plan()
    assert plan["action"] == "resume"
    assert 0 < plan["estimated_bytes"] < 6_000_000
    assert "was interrupted" in plan["reason"]
    completed(stage)
    restored = stage.restore(stage.tree, "cut-back", stage.tree)
    stage.source.run(["zfs", "mount", restored])
    both = stage.source.run(f"sha256sum < /{stage.tree}/one; sha256sum < /{restored}/one").split()
    assert both[0] == both[2]


def test_ctrl_c_and_sigterm_end_both_sides_at_once_and_a_second_run_meanwhile_is_told_who_holds_the_lock(
    stage: Stage,
) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        run = begun(stage, number.name, "12M")  # on a slow machine, what is asked meanwhile takes long
        if number is signal.SIGTERM:
            second = stage.zoffsite("backup", "--direct", expect=5)
            assert f"pid {run.pid} (zoffsite backup)" in second.said
            assert f"kill {run.pid}" in second.said
        else:
            watched = stage.zoffsite("status", "--watch").said
            assert "sending, then verifying and pruning; 0 datasets done" in watched
            assert re.search(rf"{stage.tree} .* of .*/s .* left", watched)
        os.kill(run.pid, number)
        done = stage.finish(run, 130)
        assert "the run was asked to stop" in done.said
        assert "no run is under way" in stage.zoffsite("status", "--watch").said
        await_true(lambda: not processes(stage.box) and not processes(stage.source), "both ends are gone")
        assert stage.token() != "-"
        completed(stage)  # or the next one might be stopped between the rest of this send and its own


def test_a_line_cut_without_a_word_is_noticed_in_time(stage: Stage) -> None:
    run = begun(stage, "three")
    stage.box.cut_uplink()
    try:
        done = stage.finish(run, 1)  # unnoticed, it would never end
    finally:
        stage.box.restore_uplink()
    assert failure(done) in [("stalled", True), ("connection-lost", True)]
    await_true(lambda: not processes(stage.box), "the box lets go")
    completed(stage)


def test_a_box_whose_plug_is_pulled_is_reported_and_the_next_run_finishes(stage: Stage) -> None:
    run = begun(stage, "four")
    stage.box.power_off()
    try:
        done = stage.finish(run, 1)  # unnoticed, it would never end
        assert failure(done) in [("stalled", True), ("connection-lost", True)]
        off = stage.zoffsite("backup", "--direct", expect=3)
        assert "nothing listens" in off.said
    finally:
        stage.box.power_on()
    completed(stage)


def test_a_receive_killed_on_the_box_is_tried_again_within_the_run(stage: Stage) -> None:
    stage.configure(retries=2)
    try:
        run = begun(stage, "five")
        assert stage.box.kill("zfs receive") > 0
        done = stage.finish(run, 0)
    finally:
        stage.configure(retries=0)
    assert "trying again" in done.err
    part = stage.part(done.json)
    assert (part["state"], part["verified"]) == ("sent", True)


def test_a_full_box_says_so_and_is_caught_up_once_there_is_room(make_stage: MakeStage) -> None:
    stage = make_stage("full")
    big = f"{stage.tree}/big"
    stage.source.run(["zfs", "create", big])
    stage.write("small", "20K")
    stage.write("big", "12M", big)
    run = stage.under_way(dataset=big, env={"ZOFFSITE_JOB__HOME__PARALLEL": "1"})
    stage.box.fill_pool(leave=1 << 20)
    try:
        report = stage.finish(run, 1).json
    finally:
        stage.box.empty_pool()
    assert stage.part(report)["state"] == "sent"
    error = stage.part(report, big)["error"]
    assert (error["code"], error["transient"]) == ("no-space", False)
    assert "make room" in error["remedy"]
    done = stage.backup()
    assert [(each["state"], each["verified"]) for each in done["datasets"]] == [("up-to-date", True), ("sent", True)]
