"""Commands around the snapshot, run for real on this machine."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from zoffsite.actions.hooks import Ran, hooks_around
from zoffsite.hosts.endpoint import Source
from zoffsite.hosts.local import LocalRunner
from zoffsite.hosts.transfers import transfers
from zoffsite.model.errors import RunInterruptedError
from zoffsite.model.job import Hook
from zoffsite.model.plan import HookPlan

SOURCE = Source(LocalRunner())


class Diary:
    """A file in which commands note their turn."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def note(self, word: str, then: str = "") -> tuple[str, ...]:
        """A command, as a list, that notes `word` and then runs a line of shell."""
        return ("sh", "-c", f"echo {word} >> '{self.path}'; {then}")

    def plan(self, name: str, before: str = "", after: str = "", timeout: float = 60.0) -> HookPlan:
        hook = Hook(
            datasets=(f"tank/{name}",),
            before=self.note(f"{name}-before", before),
            after=("sh", "-c", f"{after or 'sleep 0.3'}; code=$?; echo {name}-after >> '{self.path}'; exit $code"),
            timeout=timeout,
        )
        return HookPlan(hook=hook, datasets=(f"tank/{name}", f"tank/{name}/below"))

    @property
    def words(self) -> list[str]:
        return self.path.read_text().split() if self.path.exists() else []


@pytest.fixture
def diary(tmp_path: Path) -> Diary:
    return Diary(tmp_path / "diary")


def run(diary: Diary, *plans: HookPlan) -> Ran:
    with hooks_around(plans, SOURCE) as ran, diary.path.open("a") as file:
        file.write("snapshot\n")
    return ran


def test_every_before_comes_before_the_snapshot_and_every_after_after_it_last_first(diary: Diary) -> None:
    ran = run(diary, diary.plan("a"), diary.plan("b"))
    assert diary.words == ["a-before", "b-before", "snapshot", "b-after", "a-after"]
    assert (ran.failed, ran.notices) == ({}, [])
    assert ran.before == {"tank/a", "tank/a/below", "tank/b", "tank/b/below"}


def test_a_before_that_fails_leaves_out_its_datasets_and_no_others_and_is_tidied_up_after(diary: Diary) -> None:
    ran = run(diary, diary.plan("a", before="echo one; echo two >&2; exit 3"), diary.plan("b"))
    assert diary.words == ["a-before", "b-before", "snapshot", "b-after", "a-after"]
    assert set(ran.failed) == {"tank/a", "tank/a/below"}
    error = ran.failed["tank/a"]
    assert error.code == "hook-failed"
    assert error.problem == "it ended with exit code 3: two"
    assert error.remedy.startswith("try it on the source: sh -c")


def test_a_hook_whose_datasets_are_all_left_out_already_is_not_run(diary: Diary) -> None:
    run(diary, diary.plan("a", before="exit 1"), diary.plan("a"))
    assert diary.words == ["a-before", "snapshot", "a-after"]


def test_a_before_that_takes_too_long_is_ended_where_it_runs_and_has_failed(diary: Diary) -> None:
    ran = run(diary, diary.plan("a", before="sleep 600", timeout=0.5))
    assert ran.failed["tank/a"].problem == "it took longer than 0.5 s"
    assert diary.words[-1] == "a-after"


def test_a_command_that_is_not_there_is_named(diary: Diary) -> None:
    hook = Hook(datasets=("tank/a",), before=("/nowhere/freeze", "the db"), after=(), timeout=5.0)
    ran = run(diary, HookPlan(hook=hook, datasets=("tank/a",)))
    error = ran.failed["tank/a"]
    assert error.subject == "/nowhere/freeze 'the db'"
    assert error.problem.startswith("there is no such command")


def test_what_a_command_says_is_shown_bounded_and_clean(diary: Diary) -> None:
    noise = "i=0; while [ $i -lt 50 ]; do i=$((i+1)); printf 'line %s \\033[31m%0999d\\n' $i 0 >&2; done; exit 1"
    problem = run(diary, diary.plan("a", before=noise)).failed["tank/a"].problem
    assert "line 48" in problem
    assert "line 47" not in problem
    assert "\033" not in problem
    assert len(problem) < 800


def test_no_shell_reads_the_arguments(diary: Diary, tmp_path: Path) -> None:
    code = "import sys; open(sys.argv[1], 'w').write(repr(sys.argv[2:]))"
    words = ("$HOME", "a b", "*", "; rm -rf /", "'")
    hook = Hook(
        datasets=("tank/a",), before=(sys.executable, "-c", code, str(tmp_path / "out"), *words), after=(), timeout=60.0
    )
    assert run(diary, HookPlan(hook=hook, datasets=("tank/a",))).failed == {}
    assert (tmp_path / "out").read_text() == repr(list(words))


def test_an_after_that_fails_is_an_alert_and_fails_nothing(diary: Diary) -> None:
    ran = run(diary, diary.plan("a", after="echo still frozen >&2; false"))
    assert ran.failed == {}
    (notice,) = ran.notices
    assert (notice.code, notice.subject, notice.alert) == ("hook-failed", "tank/a", True)
    assert "it ended with exit code 1: still frozen" in notice.message


def test_after_is_run_although_the_snapshot_failed(diary: Diary) -> None:
    with pytest.raises(ZeroDivisionError), hooks_around([diary.plan("a")], SOURCE):
        raise ZeroDivisionError
    assert diary.words == ["a-before", "a-after"]


def test_a_run_that_is_stopped_during_a_before_still_runs_every_after_whose_turn_had_come(diary: Diary) -> None:
    plans = [diary.plan("a"), diary.plan("b", before="sleep 600"), diary.plan("c")]

    def stop_when_it_is_under_way() -> None:
        while "b-before" not in diary.words:
            stopped.wait(0.01)
        transfers.stop_all()

    stopped = threading.Event()
    stopper = threading.Thread(target=stop_when_it_is_under_way)
    stopper.start()
    try:
        with pytest.raises(RunInterruptedError), hooks_around(plans, SOURCE):
            pytest.fail("the snapshot was taken")
    finally:
        stopper.join(60)
        transfers.reset()
    assert diary.words == ["a-before", "b-before", "b-after", "a-after"]
