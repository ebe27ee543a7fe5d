"""What is said to the gate, and what it answers: the words of zoffsite/box/gate.py, from the source's side.

The gate takes one line. Its words are the argv of the SSH command, so that they need no quotes: names are checked, and
a blank in one is `%20`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from zoffsite.model.facts import Answer
from zoffsite.model.plan import SendStep
from zoffsite.model.version import Snapshot
from zoffsite.zfs.argv import check_token, in_batches
from zoffsite.zfs.malformed import MalformedError, malformed_answer
from zoffsite.zfs.names import check_dataset, check_snapshot

LONGEST_HEAD = 10_000
LONGEST_FACTS = 3_000_000
MOST_FACTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class GateHead:
    """The first line of an inventory: the box's own words about itself.

    `time` is its clock (seconds, UTC), `health` that of its pool, empty where there is none.
    """

    gate: int
    time: int
    zfs: tuple[str, ...]
    health: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperAnswer:
    """What the keeper did with a request to prune: how many it destroyed, and why the others stay, by name."""

    destroyed: int
    kept: dict[str, str]


def hello() -> list[str]:
    """Ask whether the gate is there at all, and which OpenZFS it has; `parse_hello` reads it."""
    return ["hello"]


def inventory(root: str, dataset: str) -> list[str]:
    """All below the root, or one replica."""
    return ["inventory"] if dataset == root else ["inventory", _replica(root, dataset)]


def overview() -> list[str]:
    """All below the root, without the snapshots; `changes.parse_overview` reads it."""
    return ["overview"]


def snapshots(root: str, datasets: Iterable[str]) -> list[tuple[list[str], list[str]]]:
    """The snapshots of these, in as few requests as their length allows; requests, each with what it is about.

    Those of the root itself come with every one.
    """
    asked = list(datasets)
    words = {_replica(root, dataset): dataset for dataset in asked if dataset != root}
    batches = list(in_batches(words, ["snapshots"])) or ([[]] if asked else [])
    return [
        (["snapshots", ",".join(batch)] if batch else ["snapshots"], [root, *(words[word] for word in batch)])
        for batch in batches
    ]


def receive(root: str, replica: str, toguid: int, fromguid: int) -> list[str]:
    """Receive exactly this stream; `fromguid` 0 is a full one."""
    return ["receive", _replica(root, replica), str(toguid), str(fromguid)]


def abort(root: str, replica: str) -> list[str]:
    """Give up an interrupted receive."""
    return ["abort", _replica(root, replica)]


def send(root: str, step: SendStep) -> list[str]:
    """A replica's snapshot, for the restore key."""
    base = [] if step.base is None else [_version(step.to.dataset, step.base.name)]
    return ["send", _replica(root, step.to.dataset), _version(step.to.dataset, step.to.name), *base]


def prove(root: str, step: SendStep, nonce: bytes, rate: int | None = None) -> list[str]:
    """The keyed digest of what `step` would send, by the box's own zfs; `parse_digest` reads it.

    `rate` is bytes per second: a gate that was installed before there was one refuses it.
    """
    base = [] if step.base is None else [_version(step.to.dataset, step.base.name)]
    name = _version(step.to.dataset, step.to.name)
    limit = [] if rate is None else ["at", str(rate)]
    return ["prove", _replica(root, step.to.dataset), name, nonce.hex(), *base, *limit]


def resume(token: str) -> list[str]:
    """The rest of a send that was interrupted, for the restore key."""
    return ["resume", check_token(token)]


def allow_key(root: str, replica: str, fingerprint: str) -> list[str]:
    """Let this wrapped key take the place of that which the replica has, for the restore key."""
    return ["allow-key", _replica(root, replica), fingerprint]


def prune(root: str, replica: str, snapshots: Iterable[Snapshot]) -> list[list[str]]:
    """Ask the keeper to destroy these, in as few requests as their length allows."""
    start = ["prune", _replica(root, replica)]
    words = (f"{_version(replica, each.name)}={each.guid}" for each in snapshots)
    return [[*start, ",".join(batch)] for batch in in_batches(words, start)]


def facts() -> list[str]:
    """Ask what the doctor wants to know; `parse_facts` reads it."""
    return ["facts"]


def parse_hello(text: str, host: str) -> str:
    """What `zfs version` says there. Raises OperationError "malformed-answer" where no gate of ours answers."""
    line, _, versions = text.partition("\n")
    with malformed_answer(host, line):
        if line != "zoffsite-gate 1":
            raise MalformedError("not the gate of this version of zoffsite")
    return versions


def parse_head(line: str, host: str) -> GateHead:
    """The head of an inventory, its first line. Raises OperationError "malformed-answer"."""
    with malformed_answer(host, line):
        if len(line) > LONGEST_HEAD:
            raise MalformedError("a head of more than ten thousand characters")
        tree = _tree(line)
        gate, time, zfs, pool = tree.get("gate"), tree.get("time"), tree.get("zfs"), tree.get("pool")
        if not (type(gate) is int and type(time) is int and isinstance(zfs, list) and isinstance(pool, dict)):
            raise MalformedError("not the head of an inventory")
        return GateHead(gate=gate, time=time, zfs=tuple(map(str, zfs)), health=str(pool.get("health", "")))


ABSENT = "there is no such snapshot with this guid"
"""What the keeper says of one that it does not keep: it went before, by a request whose answer never arrived."""


def parse_keeper(text: str, host: str) -> KeeperAnswer:
    """What the keeper says of a request to prune. Raises OperationError "malformed-answer"."""
    with malformed_answer(host, text):
        tree = _tree(text.strip())
        destroyed, kept = tree.get("destroyed"), tree.get("kept")
        if type(destroyed) is not int or not isinstance(kept, dict):
            raise MalformedError("not an answer of the keeper")
        return KeeperAnswer(destroyed=destroyed, kept={str(name): str(reason) for name, reason in kept.items()})


def parse_facts(text: str, host: str) -> dict[str, Answer]:
    """What the box says of itself, by the names of zoffsite/box/facts.py. Raises OperationError "malformed-answer"."""
    with malformed_answer(host, text):
        if len(text) > LONGEST_FACTS:
            raise MalformedError("facts of more than three million characters")
        tree = _tree(text.strip())
        said = tree.get("said")
        if tree.get("facts") != 1 or not isinstance(said, dict) or len(said) > MOST_FACTS:
            raise MalformedError("not the facts of this version of zoffsite")
        return {str(name): _answer(each) for name, each in said.items()}


def _answer(tree: object) -> Answer:
    match tree:
        case [int(code), str(text)] if type(code) is int:
            return Answer(code=code, text=text)
    raise MalformedError("not the answer of a command")


def _tree(text: str) -> dict[str, object]:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedError("no JSON") from None
    if not isinstance(tree, dict):
        raise MalformedError("not an object of JSON")
    return tree


def _replica(root: str, dataset: str) -> str:
    """The one component below the root, encoded."""
    above, _, name = check_dataset(dataset).rpartition("/")
    assert above == root  # noqa: S101 - replicas lie flat
    return name.replace(" ", "%20")


def _version(dataset: str, name: str) -> str:
    return check_snapshot(f"{dataset}@{name}").partition("@")[2].replace(" ", "%20")
