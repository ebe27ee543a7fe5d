"""Holding, releasing, and destroying what others hold: the parts of a list stand by themselves."""

from __future__ import annotations

import shlex

import pytest

from tests.hosts.test_endpoint import Stand, source, stand
from zoffsite.hosts.capture import run_to_end
from zoffsite.hosts.endpoint import Source
from zoffsite.hosts.local import LocalRunner
from zoffsite.hosts.transfers import transfers
from zoffsite.model.errors import OperationError, RunInterruptedError

__all__ = ["source", "stand"]
HELD = "cannot hold snapshot 'tank/a@x': tag already exists on this dataset"
GONE = "cannot {} snapshot 'tank/a@y': dataset does not exist"


def test_what_is_held_already_is_no_error_but_what_is_gone_is(stand: Stand, source: Source) -> None:
    stand.says(err=HELD, code=1)
    source.hold("T", ["tank/a@x"])
    assert stand.calls == ["zfs hold T tank/a@x"]
    stand.says(err=f"{HELD}\n{GONE.format('hold')}", code=1)
    with pytest.raises(OperationError) as caught:
        source.hold("T", ["tank/a@x", "tank/a@y"])
    assert caught.value.code == "dataset-missing"


def test_a_command_that_fails_without_a_word_has_failed(stand: Stand, source: Source) -> None:
    stand.says(code=1)
    with pytest.raises(OperationError):
        source.hold("T", ["tank/a@x"])


def test_who_may_not_hold_is_told_the_line_that_helps(stand: Stand, source: Source) -> None:
    stand.says(err="cannot hold: permission denied", code=1)
    with pytest.raises(OperationError) as caught:
        source.hold("T", ["tank/a@x"])
    assert "hold,release tank/a" in caught.value.remedy


def test_what_is_released_or_gone_already_is_no_error(stand: Stand, source: Source) -> None:
    stand.says(err=f"cannot release hold from snapshot 'tank/a@x': no such tag on this dataset\n{GONE}", code=1)
    source.release("T", ["tank/a@x", "tank/a@y"])


def test_a_release_is_run_although_the_run_is_being_stopped(stand: Stand, source: Source) -> None:
    stand.says()
    (stand.place / "zfs").write_text(f"#!/bin/sh\nsleep 1\necho zfs $* >> {shlex.quote(str(stand.log))}\n")
    transfers.stop_all()
    try:
        source.release("T", ["tank/a@x"])
        with pytest.raises(RunInterruptedError):
            source.hold("T", ["tank/a@x"])
    finally:
        transfers.reset()
    assert stand.calls == ["zfs release T tank/a@x"]


def test_what_undoes_the_run_still_has_its_deadline() -> None:
    transfers.stop_all()
    try:
        with pytest.raises(OperationError) as caught:
            run_to_end(LocalRunner().open(["sleep", "60"]), "sleep", limit=10, timeout=0.3, undoing=True)
    finally:
        transfers.reset()
    assert caught.value.code == "timeout"


def test_who_holds_what_is_listed_and_what_is_gone_has_no_holds(stand: Stand, source: Source) -> None:
    stand.says("tank/a@x\tT\tMon Nov 23 04:50 2026\n", err="cannot open 'tank/a@y': dataset does not exist", code=1)
    assert source.holds(["tank/a@x", "tank/a@y"]) == (("tank/a@x", "T"),)


@pytest.mark.parametrize(
    "complaint",
    [
        "cannot destroy snapshot tank/a@{}: dataset is busy",  # 2.1
        "cannot destroy snapshot tank/a@{0}: it's being held. Run 'zfs holds -r tank/a@{0}' to see holders.",  # 2.3
        "cannot destroy 'tank/a@{}': snapshot has dependent clones\nuse '-R' to destroy …:\ntank/b",
    ],
)
def test_a_snapshot_that_is_held_is_kept_and_all_others_go(stand: Stand, source: Source, complaint: str) -> None:
    stand.says()
    gone = stand.place / "gone"
    (stand.place / "zfs").write_text(
        f"#!/bin/sh\ncase ,${{2#*@}}, in *,s3,*|*,s6,*) echo {shlex.quote(complaint.format('s3'))} >&2; exit 1;; esac\n"
        f'echo "${{2#*@}}" | tr , "\\n" >> {shlex.quote(str(gone))}\n'
    )
    names = [f"s{number}" for number in range(8)]
    assert source.destroy_snapshots("tank/a", names) == 6
    assert sorted(gone.read_text().split()) == [name for name in names if name not in ("s3", "s6")]


def test_a_destroy_that_fails_otherwise_is_an_error(stand: Stand, source: Source) -> None:
    stand.says(err="cannot destroy snapshots: permission denied", code=1)
    with pytest.raises(OperationError) as caught:
        source.destroy_snapshots("tank/a", ["s", "t"])
    assert caught.value.code == "not-permitted"
