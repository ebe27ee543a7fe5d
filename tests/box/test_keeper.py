"""What the keeper forbids, without a box."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.box import keeper
from zoffsite.box.keeper import Policy, RefusedError, Snapshot, forbidden, inside, wish

DAY = 86400.0
POLICY = Policy(root="vault/home", floor=30 * DAY, minimum=2)


def there(count: int) -> list[Snapshot]:
    return [Snapshot(name=f"s{n}", guid=str(100 + n), holds=0, clones=0) for n in range(count)]


def seen(count: int, at: float = 0.0) -> dict[str, float]:
    return {str(100 + n): at for n in range(count)}


def why(
    wanted: dict[str, str], snapshots: list[Snapshot], since: dict[str, float], age: float = 40 * DAY
) -> dict[str, str]:
    return dict(forbidden(POLICY, snapshots, wanted, since, age))


def test_what_is_older_than_the_floor_may_go() -> None:
    assert why({"s0": "100", "s1": "101"}, there(5), seen(5)) == {}


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"s4": "104"}, "newest"),
        ({"s0": "999"}, "no such snapshot with this guid"),
        ({"gone": "100"}, "no such snapshot"),
    ],
)
def test_what_must_stay_stays(wanted: dict[str, str], words: str) -> None:
    (reason,) = why(wanted, there(5), seen(5)).values()
    assert words in reason


def test_the_minimum_is_left_and_the_rest_goes() -> None:
    wanted = {snapshot.name: snapshot.guid for snapshot in there(4)}
    assert why(wanted, there(5), seen(5)) == {"s3": "only 2 snapshots would be left"}


@pytest.mark.parametrize("change", [{"holds": 1}, {"clones": 1}])
def test_what_is_held_or_cloned_stays(change: dict[str, int]) -> None:
    first = Snapshot(**{"name": "s0", "guid": "100", "holds": 0, "clones": 0, **change})  # type: ignore[arg-type]
    assert why({"s0": "100"}, [first, *there(5)[1:]], seen(5)) == {"s0": "it is held or cloned"}


def test_what_arrived_later_than_the_floor_stays_whatever_its_creation_says() -> None:
    assert why({"s0": "100"}, there(5), seen(5, at=11 * DAY)) == {"s0": "it has been here for less than 30 days"}


def test_what_the_keeper_never_saw_is_young() -> None:
    assert why({"s0": "100"}, there(5), {}) == {"s0": "it has been here for less than 30 days"}


@given(
    count=st.integers(1, 8),
    junk=st.integers(0, 50),
    age=st.floats(0, 1000 * DAY),
    data=st.data(),
)
def test_no_request_takes_what_arrived_within_the_floor_however_much_junk_is_sent(
    count: int, junk: int, age: float, data: st.DataObject
) -> None:
    """An attacker adds any number of snapshots of their own, and asks for whatever they like."""
    snapshots = there(count + junk)
    since = {str(100 + n): data.draw(st.floats(0, age)) for n in range(count)} | {
        str(100 + n): age for n in range(count, count + junk)
    }
    asked = data.draw(st.lists(st.sampled_from(snapshots), unique=True))
    wanted = {snapshot.name: snapshot.guid for snapshot in asked}
    gone = [each for each in asked if each.name not in why(wanted, snapshots, since, age)]
    left = [snapshot for snapshot in snapshots if snapshot not in gone]
    assert not gone or len(left) >= POLICY.minimum
    assert all(age - since[snapshot.guid] >= POLICY.floor for snapshot in gone)
    assert snapshots[-1] in left


def test_a_list_of_snapshots_is_names_with_guids() -> None:
    assert wish("a b=5,c=6") == {"a b": "5", "c": "6"}


@pytest.mark.parametrize("asked", ["", "a", "a=0", "a=5,", "a%b=5", "a=5 6", "a@b=5", "a=-1", "a=5," * 20_000])
def test_anything_else_is_no_list(asked: str) -> None:
    with pytest.raises(RefusedError):
        wish(asked)


@pytest.mark.parametrize(
    "replica",
    ["vault/home", "vault/home/a/b", "vault/other/a", "vault/home/../a", "/vault/home/a", "vault/home/a@b", "-F", ""],
)
def test_only_a_replica_directly_below_the_root_is_the_users(replica: str) -> None:
    with pytest.raises(RefusedError):
        inside(POLICY, replica)


ZFS = """#!/bin/sh
# Eight snapshots as files; `busy` lists those that cannot go just now. All of a list go, or none.
cd "{folder}" || exit 1
echo "$@" >>asked
case "$1" in
list)
    for last; do :; done
    case $last in vault/gone*) echo "cannot open '$last': dataset does not exist" >&2; exit 1 ;; esac
    fields=$(test "$5" = -r && echo 1,2 || echo 1-4)
    for each in s?; do printf '{replica}@%s\\t%s\\t0\\t0\\n' "$each" "$(cat "$each")"; done | cut -f "$fields" ;;
destroy)
    cp "{folder}/keeper.log" before 2>/dev/null
    names=$(echo "$2" | cut -d @ -f 2 | tr , ' ')
    for each in $names; do
        if grep -qx "$each" busy; then echo "cannot destroy snapshot {replica}@$each: $(cat words)" >&2; exit 1; fi
    done
    rm $names ;;
esac
"""


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A replica with eight old snapshots, and the `zfs` that shows and destroys them."""
    for each in there(8):
        (tmp_path / each.name).write_text(each.guid)
    (tmp_path / "busy").touch()
    (tmp_path / "words").write_text("dataset is busy")
    (tmp_path / "zfs").write_text(ZFS.format(folder=tmp_path, replica="vault/home/a"))
    (tmp_path / "zfs").chmod(0o755)
    monkeypatch.setitem(keeper.ENVIRONMENT, "PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(keeper, "STATE", tmp_path / "state.json")
    monkeypatch.setattr(keeper, "LOGS", tmp_path)
    monkeypatch.setattr(keeper, "POLICY", tmp_path / "policy.json")
    policy(tmp_path, ann="vault/home")
    monkeypatch.setenv("SUDO_USER", "ann")
    state = {"age": 40 * DAY, "boot": "", "awake": 0.0, "seen": {"vault/home/a": seen(8)}}
    (tmp_path / "state.json").write_text(json.dumps(state))
    return tmp_path


def policy(pool: Path, **roots: str) -> None:
    users = {user: {"root": root, "floor_days": 30, "minimum": 2} for user, root in roots.items()}
    (pool / "policy.json").write_text(json.dumps({"users": users}))


def left(pool: Path) -> list[str]:
    return sorted(each.name for each in pool.glob("s?"))


def log(pool: Path, name: str = "keeper.log") -> list[dict[str, Any]]:
    path = pool / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def destroyed(pool: Path) -> list[str]:
    return [name for entry in log(pool, "changes.log") for name in entry.get("destroyed", {})]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The keeper, called as sudo would."""

    def call(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["keeper", *words])
        return keeper.main()

    return call


REPLICA = "vault/home/a"
SIX = ",".join(f"s{n}={100 + n}" for n in range(6))


@pytest.mark.parametrize("words", ["dataset is busy", "it's being held.", "snapshot has dependent clones"])
def test_what_somebody_sends_just_now_is_kept_and_the_rest_of_the_batch_goes(
    pool: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str], words: str
) -> None:
    (pool / "busy").write_text("s1\ns4\n")
    (pool / "words").write_text(words)
    assert call("prune", REPLICA, SIX) == 0
    assert left(pool) == ["s1", "s4", "s6", "s7"]
    answer = {"destroyed": 4, "kept": {"s1": "it is busy", "s4": "it is busy"}}
    assert json.loads(capsys.readouterr().out) == answer
    assert destroyed(pool) == ["s0", "s2", "s3", "s5"]


def test_what_is_not_busy_goes_by_one_command(
    pool: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("prune", REPLICA, SIX) == 0
    assert left(pool) == ["s6", "s7"]
    assert json.loads(capsys.readouterr().out) == {"destroyed": 6, "kept": {}}
    assert (pool / "asked").read_text().count("destroy") == 1


def test_any_other_trouble_of_zfs_is_a_failure_and_logged(
    pool: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    (pool / "busy").write_text("s1\n")
    (pool / "words").write_text("I/O error")
    assert call("prune", REPLICA, SIX) == 1
    assert "I/O error" in capsys.readouterr().err
    assert len(left(pool)) == 8
    assert "I/O error" in log(pool)[-1]["what"]
    assert destroyed(pool) == []


def test_a_request_is_logged_before_it_is_done_and_what_went_by_name_and_guid(
    pool: Path, call: Callable[..., int]
) -> None:
    assert call("prune", REPLICA, SIX) == 0
    (asked,) = (json.loads(line) for line in (pool / "before").read_text().splitlines())
    assert (asked["user"], asked["what"]) == ("ann", "asked")
    assert asked["asked"] == f"prune {REPLICA} {SIX}"
    assert log(pool)[-1]["what"].startswith("destroyed 6 of 8 snapshots")
    (change,) = log(pool, "changes.log")
    assert change["replica"] == REPLICA
    assert change["destroyed"] == {f"s{n}": str(100 + n) for n in range(6)}


def test_who_asks_and_does_not_wait_for_the_answer_is_logged_all_the_same(pool: Path) -> None:
    program = (
        "import pathlib, sys; from zoffsite.box import keeper; "
        f"pool = pathlib.Path({str(pool)!r}); keeper.ENVIRONMENT['PATH'] = f'{{pool}}:/usr/bin:/bin'; "
        "keeper.STATE, keeper.LOGS, keeper.POLICY = pool / 'state.json', pool, pool / 'policy.json'; "
        f"sys.argv = ['keeper', 'prune', {REPLICA!r}, {SIX!r}]; sys.exit(keeper.main())"
    )
    reader, writer = os.pipe()
    os.close(reader)
    subprocess.run([sys.executable, "-c", program], stdout=writer, stderr=subprocess.DEVNULL, timeout=60, check=False)
    os.close(writer)
    assert left(pool) == ["s6", "s7"]
    assert log(pool)[-1]["what"].startswith("destroyed 6")
    assert len(destroyed(pool)) == 6


def test_what_went_before_a_power_cut_is_logged_after_it(pool: Path, call: Callable[..., int]) -> None:
    for name in ("s0", "s1"):
        (pool / name).unlink()
    meant = {"user": "ann", "replica": REPLICA, "snapshots": {"s0": "100", "s1": "101", "s2": "102"}}
    (pool / "intent.json").write_text(json.dumps(meant))
    assert call("observe") == 0
    assert destroyed(pool) == ["s0", "s1"]
    assert not (pool / "intent.json").exists()
    assert call("observe") == 0
    assert destroyed(pool) == ["s0", "s1"]


def test_where_it_cannot_be_seen_what_went_the_log_says_perhaps(pool: Path, call: Callable[..., int]) -> None:
    meant = {"user": "ann", "replica": "vault/gone/a", "snapshots": {"s0": "100"}}
    (pool / "intent.json").write_text(json.dumps(meant))
    assert call("observe") == 0
    assert log(pool, "changes.log")[0]["perhaps destroyed"] == {"s0": "100"}


def test_a_request_that_is_none_is_logged_too(pool: Path, call: Callable[..., int]) -> None:
    for words in (("prune", "vault/other/a", "s0=100"), ("mount", REPLICA), ()):
        assert call(*words) == 77
    assert [entry["what"].partition(":")[0] for entry in log(pool)] == ["asked", "refused"] * 3


def test_a_long_list_of_what_is_not_there_makes_a_short_log_and_each_is_answered(
    pool: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("prune", REPLICA, ",".join(f"junk{n}=1" for n in range(5000))) == 0
    assert (pool / "keeper.log").stat().st_size < 5000
    answer = json.loads(capsys.readouterr().out)
    assert (answer["destroyed"], len(answer["kept"])) == (0, 5000)


def test_a_flood_of_requests_fills_no_disk_and_pushes_out_no_record_of_what_was_destroyed(
    pool: Path, call: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LOG_BYTES", 10_000)
    assert call("prune", REPLICA, SIX) == 0
    for _ in range(60):
        assert call("mount", "x" * 5000) == 77
    logs = list(pool.glob("keeper.log*"))
    assert len(logs) == keeper.LOGS_KEPT + 1
    assert all(path.stat().st_size < 12_000 for path in logs)
    assert len(destroyed(pool)) == 6


def test_a_request_to_prune_lists_that_replica_and_no_other(pool: Path, call: Callable[..., int]) -> None:
    assert call("prune", REPLICA, "s0=100") == 0
    lists = [line for line in (pool / "asked").read_text().splitlines() if line.startswith("list")]
    assert {line.split()[-1] for line in lists} == {REPLICA}


def test_what_is_asked_for_before_the_keeper_has_seen_it_is_young_and_ages_from_then_on(
    pool: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    (pool / "state.json").unlink()
    assert call("prune", REPLICA, "s0=100") == 0
    assert json.loads(capsys.readouterr().out)["kept"] == {"s0": "it has been here for less than 30 days"}
    state = json.loads((pool / "state.json").read_text())
    assert set(state["seen"][REPLICA]) == {str(100 + n) for n in range(8)}
    state["age"] += 31 * DAY
    (pool / "state.json").write_text(json.dumps(state))
    assert call("prune", REPLICA, "s0=100") == 0
    assert json.loads(capsys.readouterr().out)["destroyed"] == 1


def test_one_root_that_is_missing_stops_the_keeper_for_no_other_user(
    pool: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    policy(pool, ann="vault/gone", bob="vault/home")
    state = {"age": 0.0, "boot": "", "awake": 0.0, "seen": {"vault/gone/x": {"1": 0.0}, "vault/home/old": {"2": 0.0}}}
    (pool / "state.json").write_text(json.dumps(state))
    assert call("observe") == 1
    assert "vault/gone" in capsys.readouterr().err
    known = json.loads((pool / "state.json").read_text())["seen"]
    assert set(known) == {"vault/gone/x", REPLICA}, "what is missing keeps its age; what is gone is forgotten"


def test_observing_says_what_arrived_and_nothing_twice(pool: Path, call: Callable[..., int]) -> None:
    (pool / "s8").write_text("108")
    assert call("observe") == call("observe") == 0
    assert [entry["what"] for entry in log(pool)] == ["1 snapshots arrived"]


def test_the_keeper_ages_by_how_long_the_box_was_awake_whatever_its_clock_says(
    pool: Path, call: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoffsite.box.keeper.time.time", lambda: 4e9)
    monkeypatch.setattr("zoffsite.box.keeper.time.clock_gettime", lambda _: 100.0)
    assert call("observe") == 0
    monkeypatch.setattr("zoffsite.box.keeper.time.clock_gettime", lambda _: 160.0)
    assert call("observe") == 0
    age = json.loads((pool / "state.json").read_text())["age"]
    assert age == 40 * DAY + 100.0 + 60.0


KEY, OTHER = "0f" * 32, "a5" * 32


def test_a_key_is_in_when_it_was_let_in_for_that_replica_and_the_last_word_counts(
    pool: Path, call: Callable[..., int]
) -> None:
    assert call("check-key", REPLICA, KEY) == 77
    assert call("allow-key", REPLICA, KEY) == 0
    assert call("check-key", REPLICA, KEY) == 0
    assert call("check-key", "vault/home/b", KEY) == 77
    assert call("allow-key", REPLICA, OTHER) == 0
    assert call("check-key", REPLICA, KEY) == 77
    assert call("check-key", REPLICA, OTHER) == 0
    assert [entry["allowed"] for entry in log(pool, "changes.log")] == [KEY, OTHER]


@pytest.mark.parametrize("words", [("vault/other/a", KEY), (REPLICA, "0F" * 32), (REPLICA, "0f"), (REPLICA,)])
def test_no_other_key_is_let_in(pool: Path, call: Callable[..., int], words: tuple[str, ...]) -> None:
    assert call("allow-key", *words) == 77
    assert log(pool, "changes.log") == []


def test_only_some_doctors_are_answered_at_once_and_each_is_logged(
    pool: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "FACTS", "/nonexistent/facts")
    slots = [keeper.free_slot("ann") for _ in range(keeper.AT_ONCE)]
    assert call("facts") == 77
    assert "ask again later" in capsys.readouterr().err
    for slot in slots:
        slot.close()
    assert call("facts") == 77
    assert "run the kit's install" in capsys.readouterr().err, "it would have been answered"
    assert [entry["what"].partition(":")[0] for entry in log(pool)] == ["asked", "refused"] * 2
