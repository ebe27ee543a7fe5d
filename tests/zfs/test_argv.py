"""Every command line."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zoffsite.model.errors import SettingsError
from zoffsite.model.plan import SendStep
from zoffsite.model.version import Bookmark, Snapshot
from zoffsite.zfs import argv

TO = Snapshot(dataset="tank/x y", name="two", guid=2, createtxg=20, creation=0)
FROM = Snapshot(dataset="tank/x y", name="one", guid=1, createtxg=10, creation=0)
MARK = Bookmark(dataset="tank/x y", name="one", guid=1, createtxg=10, creation=0)


def step(base: Snapshot | Bookmark | None) -> SendStep:
    return SendStep(to=TO, base=base, estimated_bytes=0)


def test_every_send_is_raw_and_of_one_snapshot() -> None:
    assert argv.send(step(None)) == ["zfs", "send", "-w", "tank/x y@two"]
    assert argv.send(step(FROM)) == ["zfs", "send", "-w", "-i", "tank/x y@one", "tank/x y@two"]
    assert argv.send(step(MARK)) == ["zfs", "send", "-w", "-i", "tank/x y#one", "tank/x y@two"]
    assert argv.estimate(step(FROM)) == ["zfs", "send", "-n", "-P", "-w", "-i", "tank/x y@one", "tank/x y@two"]
    assert argv.send_resume("1-a-b-cd") == ["zfs", "send", "-w", "-t", "1-a-b-cd"]


def test_receiving_is_resumable_and_unmounted_and_never_forced() -> None:
    assert argv.receive("vault/a") == ["zfs", "receive", "-s", "-u", "vault/a"]
    assert argv.abort_receive("vault/a") == ["zfs", "receive", "-A", "vault/a"]


def test_one_command_lists_everything_below_all_roots() -> None:
    command = argv.list_inventory(["tank/a", "data"])
    assert command[:6] == ["zfs", "list", "-H", "-p", "-t", "filesystem,volume,snapshot,bookmark"]
    assert command[-3:] == ["-r", "tank/a", "data"]
    assert command[command.index("-o") + 1].split(",") == list(argv.COLUMNS)


def test_reading_a_token_sends_nothing() -> None:
    assert argv.read_token("1-a-b-cd") == ["zfs", "send", "-n", "-v", "-P", "-t", "1-a-b-cd"]


def test_the_small_ones() -> None:
    assert argv.snapshot(["tank/a@x", "tank/b@x"]) == ["zfs", "snapshot", "tank/a@x", "tank/b@x"]
    assert argv.bookmark(FROM, "tank/x y#y") == ["zfs", "bookmark", "tank/x y@one", "tank/x y#y"]
    assert argv.bookmark(MARK, "tank/x y#y") == ["zfs", "bookmark", "tank/x y#one", "tank/x y#y"]
    assert argv.destroy_bookmark("tank/a#y") == ["zfs", "destroy", "tank/a#y"]
    assert argv.sync_pools(["tank"]) == ["zpool", "sync", "tank"]
    assert argv.version() == ["zfs", "version"]
    assert argv.allow("tank/a") == ["zfs", "allow", "tank/a"]


BAD = ["-F", "tank/a b\n", "tank%x", "tank/x,y", "", "tank;id"]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(
    "build",
    [
        lambda bad: argv.list_inventory([bad]),
        lambda bad: argv.list_snapshots([f"{bad}@a"]),
        lambda bad: argv.snapshot([f"{bad}@a"]),
        lambda bad: argv.receive(bad),
        lambda bad: argv.abort_receive(bad),
        lambda bad: argv.bookmark(replace(FROM, dataset=bad), "tank#b"),
        lambda bad: argv.bookmark(replace(MARK, dataset=bad), "tank#b"),
        lambda bad: argv.bookmark(FROM, f"{bad}#b"),
        lambda bad: argv.destroy_snapshots(bad, ["a"]),
        lambda bad: argv.destroy_bookmark(f"{bad}#a"),
        lambda bad: argv.sync_pools([bad]),
        lambda bad: argv.allow(bad),
        lambda bad: argv.send_resume(bad),
        lambda bad: argv.read_token(bad),
    ],
)
def test_no_name_can_become_an_option_or_a_second_name(build: Callable[[str], object], bad: str) -> None:
    with pytest.raises(SettingsError):
        build(bad)


@pytest.mark.parametrize("names", [["a", "b%c"], ["a,b"], ["a b", ""], ["a@b"], ["a#b"], ["../x"]])
def test_destroying_names_every_snapshot_by_itself(names: list[str]) -> None:
    with pytest.raises(SettingsError):
        argv.destroy_snapshots("tank/a", names)


def test_destroying_never_names_a_dataset() -> None:
    assert argv.destroy_snapshots("tank/a", []) == []
    for command in argv.destroy_snapshots("tank/a", ["x", "y z"]):
        assert command == ["zfs", "destroy", "tank/a@x,y z"]


@settings(max_examples=15)
@example(["a"])  # the most names that fit
@given(st.lists(st.text(alphabet="ab -_.:", min_size=20, max_size=200), min_size=1, max_size=10))
def test_long_lists_are_split_so_that_each_command_fits_in_one_argument(names: list[str]) -> None:
    many = names * (2 * argv.LONGEST_COMMAND // sum(len(name) + 1 for name in names) + 1)
    commands = argv.destroy_snapshots("tank/a", many)
    assert len(commands) > 1
    assert all(len(shlex.join(command)) <= argv.LONGEST_COMMAND for command in commands)
    assert [name for command in commands for name in command[2].partition("@")[2].split(",")] == many


@pytest.mark.parametrize(
    ("build", "start"),
    [
        (lambda names: argv.hold("zoffsite-home", names), ["zfs", "hold", "zoffsite-home"]),
        (lambda names: argv.release("zoffsite-home", names), ["zfs", "release", "zoffsite-home"]),
        (argv.list_holds, ["zfs", "holds", "-H"]),
    ],
)
def test_holds_are_of_many_snapshots_in_one_command_until_it_is_too_long(
    build: Callable[[list[str]], list[list[str]]], start: list[str]
) -> None:
    assert build(["tank/a@x", "tank/b@y z"]) == [[*start, "tank/a@x", "tank/b@y z"]]
    many = [f"tank/a b@{number:0200}" for number in range(1000)]
    commands = build(many)
    assert len(commands) == 3
    assert all(len(shlex.join(command)) <= argv.LONGEST_COMMAND for command in commands)
    assert [name for command in commands for name in command[len(start) :]] == many
    with pytest.raises(SettingsError):
        build(["tank/a"])


def test_snapshots_of_more_datasets_than_a_command_has_room_for_are_taken_in_parts() -> None:
    few = [f"tank/{number}@x" for number in range(1000)]
    assert list(argv.snapshots_at_once(few)) == [few]
    many = [f"tank/a b/{number:040}@zoffsite-home-2026-11-23T03:00:00Z" for number in range(1900)]
    parts = list(argv.snapshots_at_once(many))
    assert len(parts) == 2
    assert all(len(shlex.join(argv.snapshot(part))) <= argv.LONGEST_COMMAND for part in parts)
    assert [name for part in parts for name in part] == many


def test_listings_are_split_too_and_as_little_as_can_be() -> None:
    many = [f"tank/a b@{number:0200}" for number in range(1000)]
    commands = argv.list_snapshots(many)
    assert len(commands) == 3
    assert all(len(shlex.join(command)) <= argv.LONGEST_COMMAND for command in commands)
    assert [name for command in commands for name in command if "@" in name] == many


@pytest.mark.parametrize(
    "bad", ["", "1-a-b", "1-a-b-", "1-a-b-xyz", "1-a-b-c d", "-t", "1-a-b-c\n", "1-a-b-" + "c" * 70_000]
)
def test_a_token_is_checked_before_it_reaches_a_command(bad: str) -> None:
    with pytest.raises(SettingsError) as caught:
        argv.check_token(bad)
    assert caught.value.code == "bad-token"
    assert len(str(caught.value)) < 500
