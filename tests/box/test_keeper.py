"""What the keeper forbids, without a box."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.box import keeper
from zoffsite.box.keeper import Policy, RefusedError, Snapshot, forbidden, inside, prune, wish

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
case "$1" in
list)
    fields=$(test "$5" = -r && echo 1,2 || echo 1-4)
    for each in s?; do printf '{replica}@%s\\t%s\\t0\\t0\\n' "$each" "$(cat "$each")"; done | cut -f "$fields" ;;
destroy)
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
    state = {"age": 40 * DAY, "boot": "", "awake": 0.0, "seen": {"vault/home/a": seen(8)}}
    (tmp_path / "state.json").write_text(json.dumps(state))
    return tmp_path


def left(pool: Path) -> list[str]:
    return sorted(each.name for each in pool.glob("s?"))


SIX = ",".join(f"s{n}={100 + n}" for n in range(6))


@pytest.mark.parametrize("words", ["dataset is busy", "it's being held.", "snapshot has dependent clones"])
def test_what_somebody_sends_just_now_is_kept_and_the_rest_of_the_batch_goes(
    pool: Path, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    (pool / "busy").write_text("s1\ns4\n")
    (pool / "words").write_text(words)
    prune(POLICY, "vault/home/a", SIX)
    assert left(pool) == ["s1", "s4", "s6", "s7"]
    assert json.loads(capsys.readouterr().out) == {"destroyed": 4, "kept": {"s1": "it is busy", "s4": "it is busy"}}


def test_what_is_not_busy_goes_by_one_command(pool: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prune(POLICY, "vault/home/a", SIX)
    assert left(pool) == ["s6", "s7"]
    assert json.loads(capsys.readouterr().out) == {"destroyed": 6, "kept": {}}


def test_any_other_trouble_of_zfs_is_a_failure(pool: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pool / "busy").write_text("s1\n")
    (pool / "words").write_text("I/O error")
    with pytest.raises(SystemExit):
        prune(POLICY, "vault/home/a", SIX)
    assert "I/O error" in capsys.readouterr().err
    assert len(left(pool)) == 8
