"""What is asked of a machine, run here for real as far as this machine has it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from zoffsite.box import facts, keeper
from zoffsite.hosts.asking import ask_all
from zoffsite.hosts.commands import Commands
from zoffsite.hosts.local import LocalRunner
from zoffsite.hosts.transfers import transfers
from zoffsite.zfs.gate import parse_facts

LSBLK = {
    "blockdevices": [
        {
            "path": "/dev/sda",
            "type": "disk",
            "fstype": None,
            "children": [{"path": "/dev/sda2", "type": "part", "fstype": "crypto_LUKS"}],
        },
        {"path": "/dev/zram0", "type": "disk", "fstype": "swap"},
        {"path": "/dev/sr0", "type": "rom", "fstype": None},
    ]
}


def test_the_program_answers_every_question_in_one_line_that_the_source_reads() -> None:
    command = [sys.executable, "-I", facts.__file__, "vault/replicas", "nobody"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.count("\n") == 1
    said = parse_facts(done.stdout, "box")
    place = facts.Place(pools=("vault",))
    assert said.keys() >= {*facts.of_machine(place), *facts.of_box("vault/replicas", "nobody"), "policy"}
    assert said["clock"].code == 0
    assert int(said["clock"].text) > 1_700_000_000


@pytest.mark.parametrize("words", [[], ["vault"], ["vault/a", "b", "c"]])
def test_without_root_and_user_it_says_how_it_is_used(words: list[str]) -> None:
    done = subprocess.run([sys.executable, "-I", facts.__file__, *words], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")


def test_a_program_that_is_missing_fails_or_takes_too_long_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "TIMEOUT", 0.2)
    assert facts.ask(["no-such-program"]) == (127, "")
    assert facts.ask(["sleep", "60"])[0] == 124
    assert facts.ask(["ls", "/no/such/place"])[0] == 2
    assert "/no/such/place" in facts.ask(["ls", "/no/such/place"])[1]


def test_what_a_program_says_is_cut() -> None:
    code, text = facts.ask(["head", "-c", "100000", "/dev/zero"])
    assert (code, len(text)) == (0, facts.LONGEST)


def test_disks_are_asked_for_their_health_and_encrypted_ones_for_their_slots() -> None:
    assert set(facts.of_disks(json.dumps(LSBLK))) == {"smart /dev/sda", "slots /dev/sda2"}


@pytest.mark.parametrize(
    "path", ["-o", "/dev/../etc/shadow x", "/etc/shadow", "/dev/a;b", "", None, "/dev/" + "a" * 200]
)
def test_only_paths_of_devices_become_arguments(path: object) -> None:
    listing = {"blockdevices": [{"path": path, "type": "disk", "fstype": "crypto_LUKS"}]}
    assert facts.of_disks(json.dumps(listing)) == {}


def test_nothing_that_is_asked_changes_anything_or_goes_through_a_shell_with_a_name_in_it() -> None:
    place = facts.Place(pools=("$(reboot)",), table="$(reboot)", firewall="$(reboot)")
    commands = {**facts.of_machine(place), **facts.of_box("$(reboot)/x", "$(reboot)")}
    shells = [argv for argv in commands.values() if "sh" in argv]
    assert [argv[4] for argv in shells] == [facts.LOADED]
    assert "unshare" in shells[0], "what the file means is looked at in a network of nobody's"
    verbs = {tuple(argv[:2]) for argv in commands.values() if argv[0] in ("zfs", "zpool", "nft", "wg", "systemctl")}
    assert verbs == {
        *(("zfs", each) for each in ("version", "get", "allow")),
        ("zpool", "list"),
        ("nft", "list"),
        ("wg", "show"),
        ("systemctl", "show"),
    }


def test_keys_that_are_there_are_told_and_those_that_are_not_cost_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(facts, "ETC", str(tmp_path))
    place = facts.Place(pools=(), conf=f"{tmp_path}/tunnel-friend", unlock=f"{tmp_path}/unlock-friend")
    argv = facts.of_machine(place)["keys"]
    assert facts.ask(argv) == (0, "")
    kept = ("boot/db.crt", "boot/db.key", "boot/pcr.key", "tunnel-friend/private.key", "unlock-friend/key")
    for name in (*kept, "boot/pcr.pub", "boot/PK.auth", "tunnel-other/private.key", "unlock-friend/known_hosts"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch(0o600)
    code, text = facts.ask(argv)
    assert (code, sorted(line.split()[3] for line in text.splitlines())) == (0, [f"{tmp_path}/{each}" for each in kept])


def test_the_source_asks_itself_the_same_questions_and_those_of_its_disks() -> None:
    transfers.reset()
    said = ask_all(Commands(LocalRunner()), {"disks": ["echo", json.dumps(LSBLK)], "none": ["no-such-program"]})
    assert set(said) == {"disks", "none", "smart /dev/sda", "slots /dev/sda2"}
    assert said["none"].code == 127


def test_a_listing_of_disks_that_is_none_names_no_disk() -> None:
    transfers.reset()
    for listing in ("", "[]", '{"blockdevices": 5}', '{"blockdevices": ["x"]}', "[" * 100_000):
        assert set(ask_all(Commands(LocalRunner()), {"disks": ["echo", listing]})) == {"disks"}


@pytest.mark.parametrize("listing", ["", "[]", '{"blockdevices": ["x"]}', json.dumps(LSBLK)[:50], "[" * 100_000])
def test_a_listing_of_disks_that_was_cut_costs_no_other_answer(monkeypatch: pytest.MonkeyPatch, listing: str) -> None:
    monkeypatch.setattr(facts, "ask_all", lambda commands: dict.fromkeys(commands, (0, listing)))
    assert {"disks", "clock", "policy"} <= set(facts.gather("vault/replicas", "nobody"))


def test_the_keeper_tells_facts_to_users_of_its_policy_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text('{"users": {"keep": {"root": "vault/replicas", "floor_days": 30, "minimum": 3}}}')
    program = tmp_path / "facts"
    monkeypatch.setattr(keeper, "POLICY", policy)
    monkeypatch.setattr(keeper, "LOGS", tmp_path)
    monkeypatch.setattr(keeper, "STATE", tmp_path / "state.json")
    monkeypatch.setattr(keeper, "FACTS", str(program))
    monkeypatch.setattr(sys, "argv", ["keeper", "facts"])
    monkeypatch.setenv("SUDO_USER", "mallory")
    assert keeper.main() == 77
    assert "has no user mallory" in capsys.readouterr().err
    monkeypatch.setenv("SUDO_USER", "keep")
    assert keeper.main() == 77, "an older kit has no such program"
    assert "run the kit's install again" in capsys.readouterr().err


def test_the_keeper_hands_over_root_and_user_and_no_other_word(tmp_path: Path) -> None:
    program = tmp_path / "facts"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    (tmp_path / "policy.json").write_text('{"users": {"keep": {"root": "vault/r", "floor_days": 30, "minimum": 3}}}')
    code = (
        "import sys; from pathlib import Path; from zoffsite.box import keeper; "
        f"keeper.POLICY = Path({str(tmp_path / 'policy.json')!r}); keeper.FACTS = {str(program)!r}; "
        f"keeper.LOGS = Path({str(tmp_path)!r}); keeper.STATE = keeper.LOGS / 'state.json'; "
        "sys.argv = ['keeper', 'facts']; keeper.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"SUDO_USER": "keep"}, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "vault/r keep\n", done.stderr
