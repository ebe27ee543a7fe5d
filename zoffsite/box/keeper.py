#!/usr/bin/python3 -I
"""The keeper: what may be destroyed on the box is decided here, by root's policy, whoever asks.

The gate calls it through sudo, as the user of its key; a timer calls it every hour. It destroys snapshots and nothing
else, and of those none that is the newest, held, cloned, of another GUID than the one asked for, or younger than the
policy's floor; and always leaves a minimum. What was asked and what was done is appended to a log.

    keeper observe                  stamp what has arrived since the last time
    keeper prune REPLICA NAME=GUID[,NAME=GUID …]
    keeper abort REPLICA            give up an interrupted receive: nothing of it was ever part of the replica
    keeper scrub                    start a scrub of the pool
    keeper facts                    what the doctor wants to know; changes nothing

A snapshot's age is how long this box has been awake since the keeper first saw it. The time in the stream is the
sender's choice, and the wall clock that of whoever answers for NTP; neither can make a snapshot look old.

Standard library only, Python 3.9 or newer, one file: it is copied to the box as it is.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

POLICY = Path("/etc/zoffsite/policy.json")
STATE = Path("/var/lib/zoffsite/keeper.json")
LOG = Path("/var/log/zoffsite/keeper.log")
FACTS = "/usr/local/lib/zoffsite/facts"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
MOST = 10_000
"""Snapshots in one request."""

REPLICA = re.compile(r"[A-Za-z][A-Za-z0-9_.: -]*(?:/[A-Za-z0-9_.: -]+)+")
ASKED = re.compile(r"([A-Za-z0-9_.: -]+)=([1-9][0-9]{0,19})")
BUSY = re.compile(r"is busy|it's being held|has holds|has dependent clones")
"""What zfs says of a snapshot that somebody sends, holds or clones just now."""


class RefusedError(Exception):
    """The policy forbids it. Exit code 77."""


@dataclass(frozen=True)
class Policy:
    """What root allows one user: everything below `root`; nothing younger than `floor` seconds is destroyed."""

    root: str
    floor: float
    minimum: int


@dataclass(frozen=True)
class Snapshot:
    """One row of `zfs list`, oldest first."""

    name: str
    guid: str
    holds: int
    clones: int


def main() -> int:
    """Do one thing, under a lock."""
    user = os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    try:
        if sys.argv[1:] == ["facts"]:
            tell(user)
        with Lock():
            done = run(user, sys.argv[1:])
    except RefusedError as error:
        note(user, sys.argv[1:], f"refused: {error}")
        print(f"zoffsite keeper: refused: {error}", file=sys.stderr)
        return 77
    if done:
        note(user, sys.argv[1:], done)
    return 0


def run(user: str, words: list[str]) -> str:
    """What was done, in words; nothing where nothing changed."""
    if words == ["observe"]:
        return observe(sorted({policy.root for policy in policies().values()}))
    policy = policy_of(user)
    if words == ["scrub"]:
        zfs("zpool", "scrub", policy.root.split("/", 1)[0])
        return "scrub started"
    if len(words) == 2 and words[0] == "abort":
        zfs("zfs", "receive", "-A", inside(policy, words[1]))
        return "receive aborted"
    if len(words) == 3 and words[0] == "prune":
        return prune(policy, inside(policy, words[1]), words[2])
    raise RefusedError("this is no request that the keeper knows")


def tell(user: str) -> NoReturn:
    """Become the program that answers the doctor, for this user's root alone. It takes no lock: it only looks."""
    policy = policy_of(user)
    try:
        os.execve(FACTS, [FACTS, policy.root, user], ENVIRONMENT)  # noqa: S606 - no shell is what we want
    except OSError as error:
        raise RefusedError(f"{FACTS}: {error.strerror}; run the kit's install again") from error


def policy_of(user: str) -> Policy:
    """What root allows this user."""
    policy = policies().get(user)
    if policy is None:
        raise RefusedError(f"{POLICY} has no user {user}")
    return policy


def policies() -> dict[str, Policy]:
    """policy.json: by user. Any mistake in it forbids everything."""
    try:
        users = json.loads(POLICY.read_text(encoding="utf-8"))["users"]
        return {
            user: Policy(root=str(each["root"]), floor=86400.0 * each["floor_days"], minimum=int(each["minimum"]))
            for user, each in users.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise RefusedError(f"{POLICY} cannot be read") from None


def inside(policy: Policy, replica: str) -> str:
    """`replica`, if it is directly below the user's root."""
    if not REPLICA.fullmatch(replica) or replica.rpartition("/")[0] != policy.root or len(replica) > 200:
        raise RefusedError("this is no replica of this user")
    return replica


def prune(policy: Policy, replica: str, asked: str) -> str:
    """Destroy what the policy allows of what was asked, and print what stays, with the reason."""
    wanted = wish(asked)
    observe([policy.root])
    state = load()
    there = snapshots(replica)
    kept = dict(forbidden(policy, there, wanted, state["seen"].get(replica, {}), state["age"]))
    names = [name for name in wanted if name not in kept]
    kept.update(dict.fromkeys(destroy(replica, names) if names else (), "it is busy"))
    gone = len(wanted) - len(kept)
    print(json.dumps({"destroyed": gone, "kept": kept}))
    return f"destroyed {gone} of {len(there)} snapshots; kept: {kept}"


def destroy(replica: str, names: list[str]) -> list[str]:
    """Destroy these but for what is busy, which is returned. zfs destroys all of a list or none: so by halving it."""
    done = program("zfs", "destroy", f"{replica}@{','.join(names)}")
    if done.returncode != 0 and not BUSY.search(done.stderr):
        fail(done)
    if done.returncode == 0 or len(names) == 1:
        return [] if done.returncode == 0 else names
    middle = len(names) // 2
    return destroy(replica, names[:middle]) + destroy(replica, names[middle:])


def wish(asked: str) -> dict[str, str]:
    """The names with their guids."""
    pairs = [ASKED.fullmatch(part) for part in asked.split(",")]
    if not all(pairs) or len(pairs) > MOST:
        raise RefusedError("this is no list of snapshots")
    return {pair[1]: pair[2] for pair in pairs if pair}


def forbidden(
    policy: Policy, there: list[Snapshot], wanted: dict[str, str], seen: dict[str, float], age: float
) -> Iterator[tuple[str, str]]:
    """What of `wanted` must not be destroyed, and why. `seen`: by guid, the keeper's age when it arrived."""
    by_name = {snapshot.name: snapshot for snapshot in there}
    spare = len(there) - policy.minimum
    for name, guid in wanted.items():
        snapshot = by_name.get(name)
        if snapshot is None or snapshot.guid != guid:
            yield name, "there is no such snapshot with this guid"
        elif snapshot is there[-1]:
            yield name, "it is the newest"
        elif snapshot.holds or snapshot.clones:
            yield name, "it is held or cloned"
        elif age - seen.get(guid, age) < policy.floor:
            yield name, f"it has been here for less than {policy.floor / 86400:g} days"
        elif spare <= 0:
            yield name, f"only {policy.minimum} snapshots would be left"
        else:
            spare -= 1


def snapshots(replica: str) -> list[Snapshot]:
    """Those of one dataset, oldest first."""
    text = zfs(
        "zfs",
        "list",
        "-Hp",
        "-t",
        "snapshot",
        "-d",
        "1",
        "-s",
        "createtxg",
        "-o",
        "name,guid,userrefs,numclones",
        replica,
    )
    rows = [line.split("\t") for line in text.splitlines()]
    return [Snapshot(name=row[0].partition("@")[2], guid=row[1], holds=int(row[2]), clones=int(row[3])) for row in rows]


def observe(roots: list[str]) -> str:
    """Grow older, and stamp every snapshot below `roots` that was not seen before."""
    state = load()
    boot, awake = boot_id(), time.clock_gettime(time.CLOCK_BOOTTIME)
    state["age"] += awake - state["awake"] if state["boot"] == boot else awake
    state["boot"], state["awake"] = boot, awake
    new = 0
    for root in roots:
        found = below(root)
        for replica in [each for each in state["seen"] if each.startswith(f"{root}/") and each not in found]:
            del state["seen"][replica]
        for replica, guids in found.items():
            known = state["seen"].get(replica, {})
            state["seen"][replica] = {guid: known.get(guid, state["age"]) for guid in guids}
            new += len(guids - known.keys())
    save(state)
    return f"{new} snapshots arrived" if new else ""


def below(root: str) -> dict[str, set[str]]:
    """The guids of all snapshots below `root`, by replica."""
    found: dict[str, set[str]] = {}
    for line in zfs("zfs", "list", "-Hp", "-t", "snapshot", "-r", "-o", "name,guid", root).splitlines():
        name, guid = line.split("\t")
        found.setdefault(name.partition("@")[0], set()).add(guid)
    return found


def boot_id() -> str:
    """One for each boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def load() -> dict[str, Any]:
    """What the keeper remembers. A lost file makes everything young again: nothing is destroyed for a while."""
    try:
        state: dict[str, Any] = json.loads(STATE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"age": 0.0, "boot": "", "awake": 0.0, "seen": {}}
    return state


def save(state: dict[str, Any]) -> None:
    """A power cut leaves the old file or the new one, whole."""
    new = STATE.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(STATE)


class Lock:
    """One keeper at a time."""

    def __enter__(self) -> None:
        STATE.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.file = (STATE.parent / "lock").open("w", encoding="ascii")
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self.file.close()


def note(user: str, words: list[str], what: str) -> None:
    """Append a line to the log, and have it on the disk."""
    line = json.dumps({"time": int(time.time()), "user": user, "asked": " ".join(words)[:2000], "what": what})
    LOG.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with LOG.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
        file.flush()
        os.fsync(file.fileno())


def zfs(*argv: str) -> str:
    """What a program prints. Its failure is the keeper's own, with its words."""
    done = program(*argv)
    if done.returncode != 0:
        fail(done)
    return done.stdout


def program(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(argv, env=ENVIRONMENT, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def fail(done: subprocess.CompletedProcess[str]) -> NoReturn:
    """End as that program has ended."""
    sys.stderr.write(done.stderr)
    sys.exit(done.returncode)


if __name__ == "__main__":
    sys.exit(main())
