"""What is said to the gate is what the gate knows, and its answers are taken apart strictly."""

from __future__ import annotations

import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.planning.make import there
from zoffsite.box import gate as box
from zoffsite.box.keeper import Policy, Snapshot, forbidden, wish
from zoffsite.model.errors import OperationError
from zoffsite.model.plan import SendStep
from zoffsite.zfs import gate
from zoffsite.zfs.argv import COLUMNS, LONGEST_COMMAND

ROOT = "vault/box"
HEAD = {"gate": 1, "time": 1_795_348_800, "zfs": ["zfs-2.3.2-1"], "pool": {"health": "ONLINE"}}

names = st.text(alphabet="abzAZ059-_.: ", min_size=1, max_size=40).filter(
    lambda name: name == name.strip() and name not in (".", "..")
)
guids = st.integers(1, 2**64 - 1)


def test_what_went_before_is_known_by_the_keeper_s_own_words() -> None:
    policy, here = Policy(root=ROOT, floor=0.0, minimum=0), Snapshot(name="b", guid="2", holds=0, clones=0)
    assert dict(forbidden(policy, [here, here], {"a": "1"}, {}, 0.0)) == {"a": gate.ABSENT}


@given(replica=names, version=names, to=guids, base=st.integers(0, 2**64 - 1))
def test_every_request_is_one_that_the_gate_grants_and_arrives_as_it_was_meant(
    replica: str, version: str, to: int, base: int
) -> None:
    full = f"{ROOT}/{replica}"
    snapshot = there(1, name=version, guid=to)
    requests = [
        (gate.hello(), {}),
        (gate.inventory(ROOT, ROOT), {}),
        (gate.inventory(ROOT, full), {"replica": replica}),
        (gate.receive(ROOT, full, to, base), {"replica": replica, "to": str(to), "base": str(base)}),
        (gate.abort(ROOT, full), {"replica": replica}),
        *((each, {"replica": replica, "snapshots": f"{version}={to}"}) for each in gate.prune(ROOT, full, [snapshot])),
    ]
    for request, words in requests:
        said = shlex.join(request)
        assert said == " ".join(request), "a quote would reach the gate"
        assert box.parse(said, "backup") == (request[0], words)
    assert wish(f"{version}={to}") == {version: str(to)}


def test_a_proof_is_asked_for_as_the_gate_reads_it_with_and_without_a_rate() -> None:
    step = SendStep(to=there(2, name="b"), base=there(1, name="a"), estimated_bytes=0)
    words = {"replica": "tank:home", "snapshot": "b", "nonce": "00" * 32, "base": "a"}
    for rate, more in ((None, {}), (5000, {"rate": "5000"})):
        said = shlex.join(gate.prove(step.to.dataset.rpartition("/")[0], step, bytes(32), rate))
        assert box.parse(said, "backup") == ("prove", {**words, **more})


def test_a_key_is_let_in_by_the_key_for_restores_alone() -> None:
    said = shlex.join(gate.allow_key(ROOT, f"{ROOT}/tank:my home", "0f" * 32))
    assert box.parse(said, "restore") == ("allow-key", {"replica": "tank:my home", "key": "0f" * 32})
    with pytest.raises(box.RefusedError):
        box.parse(said, "backup")


def test_a_long_request_to_prune_is_several_short_ones() -> None:
    many = [there(number) for number in range(5000)]
    requests = gate.prune(ROOT, f"{ROOT}/tank:home", many)
    assert len(requests) > 1
    assert all(len(shlex.join(request)) <= min(LONGEST_COMMAND, box.LONGEST_REQUEST) for request in requests)
    asked = [pair for request in requests for pair in request[2].split(",")]
    assert asked == [f"{each.name}={each.guid}" for each in many]


def test_the_gate_lists_the_columns_that_are_read() -> None:
    assert tuple(box.COLUMNS.split(",")) == COLUMNS


def test_the_head_is_what_the_box_says_of_itself() -> None:
    head = gate.parse_head(json.dumps(HEAD), "the box")
    assert (head.zfs, head.health, head.time) == (("zfs-2.3.2-1",), "ONLINE", 1_795_348_800)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "filesystem\tvault",
        "[]",
        "{}",
        "[" * 5000,
        json.dumps({**HEAD, "time": "now"}),
        json.dumps({**HEAD, "zfs": 5}),
        json.dumps({**HEAD, "gate": True}),
        json.dumps({**HEAD, "pad": "x" * 20_000}),
    ],
)
def test_what_is_no_head_is_malformed(text: str) -> None:
    with pytest.raises(OperationError) as caught:
        gate.parse_head(text, "the box")
    assert caught.value.code == "malformed-answer"
    assert len(str(caught.value)) < 1000


def test_an_answer_of_the_keeper_says_what_went_and_why_the_rest_stays() -> None:
    answer = gate.parse_keeper('{"destroyed": 2, "kept": {"a": "it is the newest"}}\n', "the box")
    assert (answer.destroyed, answer.kept) == (2, {"a": "it is the newest"})


@pytest.mark.parametrize("text", ["", "{}", '{"destroyed": true, "kept": {}}', '{"destroyed": 1, "kept": []}'])
def test_anything_else_is_no_answer_of_the_keeper(text: str) -> None:
    with pytest.raises(OperationError):
        gate.parse_keeper(text, "the box")


def test_only_our_gate_says_hello() -> None:
    assert gate.parse_hello("zoffsite-gate 1\nzfs-2.3.2-1\n", "the box") == "zfs-2.3.2-1\n"
    with pytest.raises(OperationError):
        gate.parse_hello("Welcome to Debian\n", "the box")


def test_facts_are_answers_by_name() -> None:
    said = gate.parse_facts('{"facts": 1, "said": {"clock": [0, "5"], "nft": [127, ""]}}\n', "box")
    assert {name: (each.code, each.text) for name, each in said.items()} == {"clock": (0, "5"), "nft": (127, "")}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"facts": 2, "said": {}}',
        '{"facts": 1, "said": []}',
        '{"facts": 1, "said": {"clock": "5"}}',
        '{"facts": 1, "said": {"clock": [true, "5"]}}',
        '{"facts": 1, "said": {"clock": [0, 5]}}',
        '{"facts": 1, "said": {"clock": [0, "5", 6]}}',
        json.dumps({"facts": 1, "said": {str(n): [0, ""] for n in range(201)}}),
        json.dumps({"facts": 1, "said": {"clock": [0, "5" * 3_000_000]}}),
        "[" * 100_000,
    ],
)
def test_other_facts_are_refused(text: str) -> None:
    with pytest.raises(OperationError, match="box"):
        gate.parse_facts(text, "box")


@given(replicas=st.lists(names, min_size=1, max_size=3, unique=True))
def test_the_snapshots_of_replicas_are_asked_together_and_the_root_s_come_along(replicas: list[str]) -> None:
    datasets = [f"{ROOT}/{name}" for name in replicas]
    ((request, about),) = gate.snapshots(ROOT, [ROOT, *datasets])
    assert box.parse(" ".join(request), "backup") == ("snapshots", {"replicas": ",".join(replicas)})
    assert about == [ROOT, *datasets]


def test_the_root_alone_is_a_request_and_nothing_is_none() -> None:
    assert gate.snapshots(ROOT, [ROOT]) == [(["snapshots"], [ROOT])]
    assert gate.snapshots(ROOT, []) == []
    assert box.parse("snapshots", "backup") == ("snapshots", {})
    assert box.parse(" ".join(gate.overview()), "backup") == ("overview", {})


def test_many_replicas_are_asked_in_requests_that_the_gate_takes() -> None:
    datasets = [f"{ROOT}/{'x' * 150}{number:04}" for number in range(2000)]
    requests = gate.snapshots(ROOT, datasets)
    assert len(requests) > 1
    assert [name for _, about in requests for name in about[1:]] == datasets
    for request, _ in requests:
        assert box.parse(" ".join(request), "backup")[0] == "snapshots"
