"""The scratch of a drill and the comparison, with programs that stand in for zfs and for what compares."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from zoffsite.hosts import rehearsal as module
from zoffsite.hosts.local import LocalRunner
from zoffsite.hosts.rehearsal import Rehearsal
from zoffsite.model.drill import Comparison, Difference
from zoffsite.model.errors import OperationError, ZoffsiteError

Put = Callable[[str, str], None]
REHEARSAL = Rehearsal(LocalRunner())
WHOLE = {
    "entries": 2,
    "bytes": 7,
    "differ": 1,
    "first": [["a\x1b[31m", "it is missing"]],
    "unread": 0,
    "first_unread": [],
    "told": "",
}


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Puts a program, a script of shell, before all others."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(module, "WAIT", 0.01)
    monkeypatch.chdir(tmp_path)

    def write(name: str, script: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    return write


def compare(stall: float = 30.0) -> tuple[Comparison, list[int]]:
    heard: list[int] = []
    return REHEARSAL.compare_files("tank/a@s", "tank/b@s", "", stall, heard.append), heard


def test_what_is_busy_for_a_moment_is_destroyed_all_the_same(put: Put, tmp_path: Path) -> None:
    busy = "echo \"cannot destroy 'tank/x': dataset is busy\" >&2; exit 1"
    put("zfs", f"echo $* >>calls; test $(wc -l <calls) -gt 3 || {{ {busy}; }}")
    REHEARSAL.destroy("tank/x")
    assert (tmp_path / "calls").read_text().splitlines() == ["destroy -r tank/x"] * 4


def test_what_cannot_be_destroyed_is_said_at_once(put: Put, tmp_path: Path) -> None:
    put("zfs", "echo $* >>calls; echo 'cannot destroy: permission denied' >&2; exit 1")
    with pytest.raises(ZoffsiteError) as caught:
        REHEARSAL.destroy("tank/x")
    assert caught.value.code == "not-permitted"
    assert len((tmp_path / "calls").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("said", "owner"), [("home\tlocal", "home"), ("home\tinherited from tank/x", None), ("-\t-", None)]
)
def test_only_a_mark_of_its_own_makes_a_dataset_a_scratch(put: Put, said: str, owner: str | None) -> None:
    put("zfs", f"echo '{said}'")
    assert REHEARSAL.owner("tank/x") == owner


def test_a_user_that_may_not_mount_is_told_before_anything_is_made(put: Put, tmp_path: Path) -> None:
    put("id", "echo 1000")
    put("zfs", "touch called")
    with pytest.raises(OperationError) as caught:
        REHEARSAL.create("tank/x", "home")
    assert caught.value.code == "not-root"
    assert not (tmp_path / "called").exists()


def test_a_comparison_says_how_far_it_is_and_then_all_with_names_that_are_safe_to_print(put: Put) -> None:
    put("unshare", f"cat <<'EOT'\n{json.dumps({'bytes': 3})}\n{json.dumps(WHOLE)}\nEOT")
    found, heard = compare()
    assert heard == [3]
    assert (found.entries, found.bytes, found.differ) == (2, 7, 1)
    assert found.first == (Difference(path="a [31m", what="it is missing"),)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("echo nonsense", "malformed-answer"),
        ("echo '{\"bytes\": -1}'", "malformed-answer"),
        (f"echo '{json.dumps({'bytes': 3})}'", "zfs-failed"),
        ("echo 'mount: tank/b@s: permission denied' >&2; exit 1", "not-permitted"),
        (f"echo '{json.dumps({'bytes': 3})}'; exec sleep 600", "stalled"),
    ],
    ids=["nonsense", "less than nothing", "no last line", "failed", "silent"],
)
def test_a_comparison_that_did_not_end_well_says_why(put: Put, script: str, code: str) -> None:
    put("unshare", script)
    with pytest.raises(ZoffsiteError) as caught:
        compare(stall=1.0)
    assert caught.value.code == code
