"""The chain through the gate, and an attacker who holds the source's key: one story on one stage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab import Lab
from zoffsite.box import gate, keeper

from .conftest import MakeStage
from .stage import Stage

USER = "gated"
TUNNEL = '[box.friend.tunnel]\nendpoints = ["home.example.org"]'
LIBRARY = "/usr/local/lib/zoffsite"


def grant(lab: Lab, root: str, floor_days: float, minimum: int = 2) -> None:
    """The box as the kit leaves it, save tunnel and firewall: user, delegation, key, gate, keeper, policy."""
    box = lab.box
    key = lab.key_file.with_suffix(".pub").read_text().strip()
    box.run(f"id {USER} >/dev/null 2>&1 || useradd --create-home --shell /bin/sh {USER}")
    box.run(f"zfs allow -u {USER} create,mount,receive {root}; zfs unallow -u zoffsite {root}")
    box.put(f'restrict,command="{LIBRARY}/gate backup" {key}\n'.encode(), f"/home/{USER}/.ssh/authorized_keys", 0o644)
    for program in (gate, keeper):
        path = Path(str(program.__file__))
        box.put(path.read_bytes(), f"{LIBRARY}/{path.stem}", 0o755)
    policy = {"users": {USER: {"root": root, "floor_days": floor_days, "minimum": minimum}}}
    box.put(json.dumps(policy).encode(), "/etc/zoffsite/policy.json")
    box.put(f"{USER} ALL=(root) NOPASSWD: {LIBRARY}/keeper\n".encode(), "/etc/sudoers.d/gated", 0o440)
    box.run("rm -f /var/lib/zoffsite/keeper.json")


@pytest.fixture(scope="module")
def gated(make_stage: MakeStage) -> Stage:
    stage = make_stage("gate", box_user=USER, box=TUNNEL, keep_source="last = 1", keep_box="last = 1")
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


def test_an_interrupted_receive_is_resumed_through_the_gate(gated: Stage) -> None:
    gated.write("film", "6M")
    run = gated.under_way()
    run.kill()
    run.communicate()
    assert gated.plan()["action"] == "resume"
    assert gated.part(gated.backup())["state"] == "sent"


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
        f"receive planted {guid['a']} 0": f"zfs send {gated.tree}@a",
        f"receive planted {guid['b']} {guid['a']}": f"zfs send -w -I @a {gated.tree}@b",
        f"receive planted {guid['b']} 0": f"zfs send -w {gated.tree}@a",
    }
    for request, command in streams.items():
        with source.popen(["sh", "-c", command]) as sender:
            assert sender.stdout is not None
            stream = sender.stdout.read()
        code, _, err = ask(gated, request, stream)
        assert code == 77, (request, err)
    assert box.run(f"zfs list -Hro name {gated.root}").split() == [gated.root, gated.replica()]


def test_the_user_of_the_gate_can_destroy_nothing_even_with_a_shell(gated: Stage) -> None:
    replica = gated.replica()
    newest = gated.names(gated.box, replica)[-1]
    for attempt in (
        f"zfs destroy {replica}@{newest}",
        f"zfs destroy -r {replica}",
        f"zfs rollback {replica}@{newest}",
        f"zfs rename {replica} {replica}-x",
        f"zfs set readonly=off {replica}",
        f"sudo -n {LIBRARY}/keeper prune vault/other {newest}=1",
        "sudo -n id",
    ):
        assert gated.box.try_run(["runuser", "-u", USER, "--", "sh", "-c", attempt]).code != 0, attempt
    assert gated.names(gated.box, replica)[-1] == newest


def test_without_a_floor_the_keeper_destroys_what_is_asked_for_by_guid_but_never_the_newest(gated: Stage) -> None:
    grant(gated.lab, gated.root, floor_days=0, minimum=1)
    replica = gated.replica()
    first, second, third = zip(gated.names(gated.box, replica), gated.guids(gated.box, replica), strict=True)
    asked = ",".join(f"{each}={guid}" for each, guid in (first, (second[0], third[1]), third))
    code, out, err = ask(gated, f"prune {replica.rpartition('/')[2]} {asked}")
    assert code == 0, err
    assert json.loads(out)["destroyed"] == 1
    assert gated.guids(gated.box, replica) == [second[1], third[1]]
