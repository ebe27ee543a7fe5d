"""The chain through the gate, and an attacker who holds the source's key: one story on one stage."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from lab import Lab
from zoffsite.box import gate, keeper
from zoffsite.stream import digest

from .conftest import MakeStage
from .impostor import REAL, impostor
from .stage import Stage, await_true
from .test_good_path import commands

USER = "gated"
TUNNEL = 'restore_identity_file = "{restore}"\n[box.friend.tunnel]\nendpoints = ["home.example.org"]'
LIBRARY = "/usr/local/lib/zoffsite"
SLOWLY = """
[[job.home.proof.windows]]
start = "00:00"
end = "12:00"
bandwidth = "{rate} B/s"

[[job.home.proof.windows]]
start = "12:00"
end = "00:00"
bandwidth = "{rate} B/s"
"""
RATE = 1_000_000
"""Bytes per second that a proof may read."""


def grant(lab: Lab, root: str, floor_days: float, minimum: int = 2) -> None:
    """The box as the kit leaves it, save tunnel and firewall: user, delegation, key, gate, keeper, policy."""
    box = lab.box
    key = lab.key_file.with_suffix(".pub").read_text().strip()
    box.run(f"id {USER} >/dev/null 2>&1 || useradd --create-home --shell /bin/sh {USER}")
    box.run(f"zfs allow -u {USER} create,mount,receive,send {root}; zfs unallow -u zoffsite {root}")
    keys = (
        f'restrict,command="{LIBRARY}/gate backup" {key}\nrestrict,command="{LIBRARY}/gate restore" {restore_key(lab)}'
    )
    box.put(f"{keys}\n".encode(), f"/home/{USER}/.ssh/authorized_keys", 0o644)
    for program in (gate, keeper, digest):
        path = Path(str(program.__file__))
        box.put(path.read_bytes(), f"{LIBRARY}/{path.stem}", 0o755)
    policy = {"users": {USER: {"root": root, "floor_days": floor_days, "minimum": minimum}}}
    box.put(json.dumps(policy).encode(), "/etc/zoffsite/policy.json")
    box.put(f"{USER} ALL=(root) NOPASSWD: {LIBRARY}/keeper\n".encode(), "/etc/sudoers.d/gated", 0o440)
    box.run("rm -f /var/lib/zoffsite/keeper.json")


def restore_key(lab: Lab) -> str:
    """The public half of a key that may only read; the private one is beside the lab's own."""
    path = lab.key_file.with_name("restore")
    if not path.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path.with_suffix(".pub").read_text().strip()


@pytest.fixture(scope="module")
def gated(lab: Lab, make_stage: MakeStage) -> Stage:
    tunnel = TUNNEL.format(restore=lab.key_file.with_name("restore"))
    stage = make_stage("gate", box_user=USER, box=tunnel, keep_source="last = 2", keep_box="last = 1")
    grant(stage.lab, stage.root, floor_days=30)
    return stage


def ask(stage: Stage, request: str, stdin: bytes = b"") -> tuple[int, str, str]:
    """What the gate answers to a key that the source holds."""
    answer = stage.box.try_run(request, stdin, user=USER)
    return answer.code, answer.out, answer.err


def test_the_whole_chain_goes_through_the_gate(gated: Stage) -> None:
    gated.write("one", "2M")
    first = gated.part(gated.backup())
    assert (first["state"], first["verified"]) == ("sent", True)
    gated.write("two", "1M")
    assert gated.plan()["action"] == "incremental"
    second = gated.part(gated.backup())
    assert (second["state"], second["verified"], second["pruned"]["box"]) == ("sent", True, 0)
    assert gated.guids(gated.box, gated.replica()) == [first["guid"], second["guid"]]
    gated.zoffsite("config", "check")
    gated.zoffsite("verify")


def test_what_has_not_changed_is_not_asked_again_through_the_gate_either(gated: Stage) -> None:
    runs = [gated.zoffsite("--verbose", "backup", "--direct", "--json") for _ in range(3)]
    assert [gated.part(run.json)["state"] for run in runs] == ["up-to-date"] * 3
    asked = [commands(run.err, f"{USER}@") for run in runs]
    if gated.box.version == "2.1":  # it does not say when snapshots change, and was asked for that once
        assert asked == [[["inventory"]]] * 3
        return
    assert asked[0] == [["overview"], ["snapshots", gated.replica().rpartition("/")[2]]]
    assert asked[2] == [["overview"]]


def test_an_interrupted_receive_is_resumed_through_the_gate(gated: Stage) -> None:
    gated.write("film", "6M")
    run = gated.under_way()
    run.kill()
    run.communicate()
    assert gated.plan()["action"] == "resume"
    assert gated.part(gated.backup())["state"] == "sent"


def test_what_the_box_has_comes_back_through_the_gate_by_the_key_for_restores_also_in_pieces(gated: Stage) -> None:
    words = ("restore", gated.tree, "--to", "tank/gateback", "--json")
    with impostor(gated.source, "root", "receive", f'head -c 2000000 | {REAL} "$@"'):
        gated.zoffsite(*words, expect=1)
    resumed = gated.zoffsite(*words, "--key-file", "/root/keys/tank_gate", "--mount").json["datasets"][0]
    assert (resumed["action"], resumed["state"]) == ("resume", "restored")
    gated.source.run(f"cmp /tank/gateback/film /{gated.tree}/film && cmp /tank/gateback/one /{gated.tree}/one")


def test_the_box_proves_through_the_gate_that_it_holds_everything_no_faster_than_it_may(gated: Stage) -> None:
    gated.configure(box=gated.settings["box"] + SLOWLY.format(rate=RATE))
    done = gated.zoffsite("--verbose", "prove", "--json", "--within", "0")
    proofs = done.json["proofs"]
    asked = [words for words in commands(done.err, f"{USER}@") if words[0] == "prove"]
    assert [words[-2:] for words in asked] == [["at", str(RATE)]] * len(proofs)
    assert {each["state"] for each in proofs} == {"proved"}
    bases = [each["base"] for each in proofs]  # the source keeps two snapshots
    assert sorted(base is None for base in bases) == [False, True]
    assert [words[4:-2] for words in asked] == [[base] if base else [] for base in bases]
    assert all(each["seconds"] >= each["bytes"] / RATE for each in proofs)
    began = time.monotonic()
    code, _, err = ask(gated, " ".join(asked[0]))  # the box alone, whatever the source keeps to
    assert (code, time.monotonic() - began >= proofs[0]["bytes"] / RATE) == (0, True), err


def test_the_key_for_backups_gets_nothing_back_and_the_key_for_restores_changes_nothing(gated: Stage) -> None:
    newest = gated.names(gated.box, gated.replica())[-1]
    name = gated.replica().rpartition("/")[2]
    assert ask(gated, f"send {name} {newest}")[0] == 77
    for request in (f"receive {name} 5 0", f"prune {name} {newest}=1", f"abort {name}", "scrub", "facts"):
        done = gated.box.try_run(
            ["env", f"SSH_ORIGINAL_COMMAND={request}", "runuser", "-u", USER, "--", f"{LIBRARY}/gate", "restore"]
        )
        assert (done.code, done.out) == (77, ""), request


def test_a_thief_of_the_key_gets_nothing_but_the_verbs(gated: Stage) -> None:
    for request in (
        "sh",
        "zfs list",
        "zfs destroy -r vault",
        "inventory ..",
        "inventory tank;id",
        "receive tank:x 5 0 -F",
        "send tank:x a",
        "hello; id",
        "$(id)",
        "rollback tank:x a",
    ):
        code, out, err = ask(gated, request)
        assert (code, out) == (77, ""), (request, out, err)
        assert "zoffsite gate: refused" in err


def test_a_thief_of_the_key_cannot_shorten_history_within_the_floor(gated: Stage) -> None:
    replica = gated.replica()
    name = replica.rpartition("/")[2]
    there = dict(zip(gated.names(gated.box, replica), gated.guids(gated.box, replica), strict=True))
    asked = ",".join(f"{each}={guid}" for each, guid in there.items())
    code, out, _ = ask(gated, f"prune {name} {asked}")
    assert code == 0
    answer = json.loads(out)
    assert answer["destroyed"] == 0
    assert set(answer["kept"]) == set(there)
    assert gated.guids(gated.box, replica) == list(there.values())
    assert "kept" in gated.box.run("tail -n 1 /var/log/zoffsite/keeper.log")


def test_a_stream_that_is_not_raw_compound_or_another_is_not_even_received(gated: Stage) -> None:
    source, box = gated.source, gated.box
    source.run(f"zfs snapshot {gated.tree}@a; zfs snapshot {gated.tree}@b")
    guid = {each: source.run(f"zfs get -Hpo value guid {gated.tree}@{each}").strip() for each in "ab"}
    streams = {
        f"receive planted {guid['a']} 0": (f"zfs send {gated.tree}@a", "is not raw"),
        f"receive planted {guid['b']} {guid['a']}": (f"zfs send -w -I @a {gated.tree}@b", "is no plain stream"),
        f"receive planted {guid['b']} 0": (f"zfs send -w {gated.tree}@a", "is not the announced one"),
    }
    for request, (command, why) in streams.items():
        with source.popen(["sh", "-c", command]) as sender:
            assert sender.stdout is not None
            stream = sender.stdout.read()
        code, _, err = ask(gated, request, stream)
        assert (code, why in err) == (77, True), (request, err)
    assert box.run(f"zfs list -Hro name {gated.root}").split() == [gated.root, gated.replica()]


def test_the_user_of_the_gate_can_destroy_nothing_even_with_a_shell(gated: Stage) -> None:
    replica = gated.replica()
    newest = gated.names(gated.box, replica)[-1]
    gated.box.run("zfs create vault/other; zfs snapshot vault/other@a; zfs snapshot vault/other@b")
    others = gated.guids(gated.box, "vault/other")
    for attempt in (
        f"zfs destroy {replica}@{newest}",
        f"zfs destroy -r {replica}",
        f"zfs rollback {replica}@{newest}",
        f"zfs rename {replica} {replica}-x",
        f"zfs set readonly=off {replica}",
        f"sudo -n {LIBRARY}/keeper prune vault/other a={others[0]}",
        "sudo -n id",
    ):
        assert gated.box.try_run(["runuser", "-u", USER, "--", "sh", "-c", attempt]).code != 0, attempt
    assert gated.names(gated.box, replica)[-1] == newest
    assert gated.guids(gated.box, "vault/other") == others


def test_without_a_floor_the_keeper_destroys_what_is_asked_for_by_guid_but_never_the_newest(gated: Stage) -> None:
    grant(gated.lab, gated.root, floor_days=0, minimum=1)
    replica = gated.replica()
    first, second, third = zip(gated.names(gated.box, replica), gated.guids(gated.box, replica), strict=True)
    asked = ",".join(f"{each}={guid}" for each, guid in (first, (second[0], third[1]), third))
    code, out, err = ask(gated, f"prune {replica.rpartition('/')[2]} {asked}")
    assert code == 0, err
    assert json.loads(out)["destroyed"] == 1
    assert gated.guids(gated.box, replica) == [second[1], third[1]]


def test_what_the_box_sends_just_now_is_kept_and_fails_nothing(gated: Stage) -> None:
    replica, sending = gated.replica(), "/run/zoffsite-sending"
    (name, guid), _ = zip(gated.names(gated.box, replica), gated.guids(gated.box, replica), strict=True)
    request = f"prune {replica.rpartition('/')[2]} {name}={guid}"
    reader = f"head -c 100000 >/dev/null; touch {sending}; while test -e {sending}; do sleep 0.1; done"
    with gated.box.popen(f"zfs send -w {replica}@{name} | ({reader})") as sender:
        await_true(lambda: gated.box.try_run(f"test -e {sending}").code == 0, "it is being sent")
        code, out, err = ask(gated, request)
        gated.box.run(f"rm {sending}")
        sender.wait()
    assert (code, json.loads(out)) == (0, {"destroyed": 0, "kept": {name: "it is busy"}}), err
    assert json.loads(ask(gated, request)[1])["destroyed"] == 1
