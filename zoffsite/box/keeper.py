#!/usr/bin/python3 -I
"""The keeper: what may be destroyed on the box is decided here, by root's policy, whoever asks.

The gate calls it through sudo, as the user of its key; a timer calls it every hour. It destroys snapshots and nothing
else, and of those none that is the newest, held, cloned, of another GUID than the one asked for, or younger than the
policy's floor; and always leaves a minimum. What was asked and what came of it is appended to keeper.log; what was
destroyed, and which keys were let in, to changes.log, so that no flood of requests pushes that out.

    keeper observe                  stamp what has arrived since the last time
    keeper prune REPLICA NAME=GUID[,NAME=GUID …]
    keeper abort REPLICA            give up an interrupted receive: nothing of it was ever part of the replica
    keeper scrub                    start a scrub of the pool
    keeper facts                    what the doctor wants to know; changes nothing
    keeper allow-key REPLICA FINGERPRINT    this wrapped key may take the place of the replica's own
    keeper check-key REPLICA FINGERPRINT    whether it may

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
from typing import IO, Any, NoReturn

POLICY = Path("/etc/zoffsite/policy.json")
STATE = Path("/var/lib/zoffsite/keeper.json")
LOGS = Path("/var/log/zoffsite")
LOG = "keeper.log"
LOG_BYTES, LOGS_KEPT = 4 << 20, 4
CHANGES = "changes.log"
CHANGES_BYTES, CHANGES_KEPT = 16 << 20, 8
"""A log that has grown so far is kept under another name, so many of them. The first one is a thief's to fill."""
FACTS = "/usr/local/lib/zoffsite/facts"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
MOST = 10_000
"""Snapshots in one request; replicas with a key that was let in."""
ASKED_SHOWN, WHAT_SHOWN = 500, 2000
"""Characters of a request, and of what came of it, in the log."""
KEPT_SHOWN = 100
"""Snapshots that an answer gives the reasons for."""
AT_ONCE = 2
"""Doctors of one user that are answered at the same time."""

REPLICA = re.compile(r"[A-Za-z][A-Za-z0-9_.: -]*(?:/[A-Za-z0-9_.: -]+)+")
ASKED = re.compile(r"([A-Za-z0-9_.: -]+)=([1-9][0-9]{0,19})")
FINGERPRINT = re.compile(r"[0-9a-f]{64}")
BUSY = re.compile(r"is busy|it's being held|has holds|has dependent clones")
"""What zfs says of a snapshot that somebody sends, holds or clones just now."""


class RefusedError(Exception):
    """The policy forbids it. Exit code 77."""


class FailedError(Exception):
    """A program has failed: its exit code and words become ours."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words.strip())
        self.code = code


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
    """Do one thing, under a lock. It is logged before it is done, and how it ended before anybody is told."""
    user, words = os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name, sys.argv[1:]
    code, answer, what = 0, "", ""
    try:
        if words != ["observe"]:
            note(user, words, "asked")
        if words == ["facts"]:
            tell(user)
        with Lock():
            settle()
            what, answer = run(user, words)
    except RefusedError as error:
        code, answer, what = 77, f"zoffsite keeper: refused: {error}", f"refused: {error}"
    except FailedError as error:
        code, answer, what = error.code, str(error), f"failed: {error}"
    except BaseException as error:
        what = f"failed: {error!r}"
        raise
    finally:
        if what:
            note(user, words, what)
    if answer:
        print(answer, file=sys.stderr if code else sys.stdout)
    return code


def run(user: str, words: list[str]) -> tuple[str, str]:
    """What was done, in words, nothing where nothing changed; and the answer to whoever asked."""
    if words == ["observe"]:
        return observe(sorted({policy.root for policy in policies().values()})), ""
    policy = policy_of(user)
    if words == ["scrub"]:
        zfs("zpool", "scrub", policy.root.split("/", 1)[0])
        return "scrub started", ""
    if len(words) == 2 and words[0] == "abort":
        zfs("zfs", "receive", "-A", inside(policy, words[1]))
        return "receive aborted", ""
    if len(words) == 3 and words[0] == "prune":
        return prune(user, policy, inside(policy, words[1]), words[2])
    if len(words) == 3 and words[0] in ("allow-key", "check-key") and FINGERPRINT.fullmatch(words[2]):
        return (allow_key if words[0] == "allow-key" else check_key)(user, inside(policy, words[1]), words[2]), ""
    raise RefusedError("this is no request that the keeper knows")


def tell(user: str) -> NoReturn:
    """Become the program that answers the doctor, for this user's root alone. It only looks, so a few may at once."""
    policy = policy_of(user)
    try:
        with free_slot(user) as slot:  # open, and so locked, for as long as that program runs
            os.set_inheritable(slot.fileno(), True)
            os.execve(FACTS, [FACTS, policy.root, user], ENVIRONMENT)  # noqa: S606 - no shell is what we want
    except OSError as error:
        raise RefusedError(f"{FACTS}: {error.strerror}; run the kit's install again") from error


def free_slot(user: str) -> IO[str]:
    """A lock that nobody has."""
    STATE.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in range(AT_ONCE):
        file = (STATE.parent / f"facts-{user}-{number}").open("w", encoding="ascii")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
        else:
            return file
    raise RefusedError(f"{AT_ONCE} others are being told the facts; ask again later")


def allow_key(user: str, replica: str, key: str) -> str:
    """Let one wrapped key in for this replica, in the place of any that was let in before."""
    state = load()
    allowed = state.setdefault("allowed", {})
    if len(allowed) >= MOST and replica not in allowed:
        raise RefusedError(f"{MOST} keys were let in already")
    append(CHANGES, {"user": user, "replica": replica, "allowed": key}, CHANGES_BYTES, CHANGES_KEPT)
    allowed[replica] = key
    save(state)
    return "let in"


def check_key(_user: str, replica: str, key: str) -> str:
    """Whether this key was let in, by the last word on this replica."""
    if load().get("allowed", {}).get(replica) != key:
        raise RefusedError("this key was not let in")
    return "it was let in"


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


def prune(user: str, policy: Policy, replica: str, asked: str) -> tuple[str, str]:
    """Destroy what the policy allows of what was asked, and say what stays, with the reason."""
    wanted = wish(asked)
    there = snapshots(replica)
    state = load()
    grow(state)
    stamp(state, replica, {snapshot.guid for snapshot in there})
    save(state)
    kept = dict(forbidden(policy, there, wanted, state["seen"][replica], state["age"]))
    going = {name: guid for name, guid in wanted.items() if name not in kept}
    if going:
        write(intent(), {"user": user, "replica": replica, "snapshots": going})
        try:
            kept.update(dict.fromkeys(destroy(replica, list(going)), "it is busy"))
        finally:
            settle()
    gone = len(wanted) - len(kept)
    shown = dict(list(kept.items())[:KEPT_SHOWN])
    said = f"destroyed {gone} of {len(there)} snapshots; kept {len(kept)}: {shown}"
    return said, json.dumps({"destroyed": gone, "kept": kept})


def intent() -> Path:
    """What is about to be destroyed, so that it is known also where nobody lived to say that it was."""
    return STATE.with_name("intent.json")


def settle() -> None:
    """Write down what has come of the last intent to destroy, if nobody has yet."""
    if not intent().exists():
        return
    meant = json.loads(intent().read_text(encoding="utf-8"))
    listed = list_snapshots(meant["replica"])
    left = {(each.name, each.guid) for each in parsed(listed.stdout)} if listed.returncode == 0 else set()
    gone = {name: guid for name, guid in meant["snapshots"].items() if (name, guid) not in left}
    if gone:
        known = "destroyed" if listed.returncode == 0 else "perhaps destroyed"
        entry = {"user": meant["user"], "replica": meant["replica"], known: gone}
        append(CHANGES, entry, CHANGES_BYTES, CHANGES_KEPT)
    intent().unlink()


def destroy(replica: str, names: list[str]) -> list[str]:
    """Destroy these but for what is busy, which is returned. zfs destroys all of a list or none: so by halving it."""
    done = program("zfs", "destroy", f"{replica}@{','.join(names)}")
    if not BUSY.search(done.stderr):
        succeeded(done)
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
    return parsed(succeeded(list_snapshots(replica)))


def list_snapshots(replica: str) -> subprocess.CompletedProcess[str]:
    """Ask for them; `parsed` reads the answer."""
    columns = "name,guid,userrefs,numclones"
    return program("zfs", "list", "-Hp", "-t", "snapshot", "-d", "1", "-s", "createtxg", "-o", columns, replica)


def parsed(text: str) -> list[Snapshot]:
    """The rows, in their order."""
    rows = [line.split("\t") for line in text.splitlines()]
    return [Snapshot(name=row[0].partition("@")[2], guid=row[1], holds=int(row[2]), clones=int(row[3])) for row in rows]


def observe(roots: list[str]) -> str:
    """Grow older, and stamp every snapshot below `roots` that was not seen before.

    Where one cannot be listed, what is known of it stays, the others are seen to, and it fails in the end.
    """
    state = load()
    grow(state)
    new, failed = 0, []
    for root in roots:
        done = program("zfs", "list", "-Hp", "-t", "snapshot", "-r", "-o", "name,guid", root)
        if done.returncode != 0:
            failed.append(done)
            continue
        found = by_replica(done.stdout)
        for replica in [each for each in state["seen"] if each.startswith(f"{root}/") and each not in found]:
            del state["seen"][replica]
        new += sum(stamp(state, replica, guids) for replica, guids in found.items())
    save(state)
    if failed:
        raise FailedError(failed[0].returncode, "".join(done.stderr for done in failed))
    return f"{new} snapshots arrived" if new else ""


def grow(state: dict[str, Any]) -> None:
    """Add to the keeper's age for how long the box was awake since the last time."""
    boot, awake = boot_id(), time.clock_gettime(time.CLOCK_BOOTTIME)
    state["age"] += awake - state["awake"] if state["boot"] == boot else awake
    state["boot"], state["awake"] = boot, awake


def stamp(state: dict[str, Any], replica: str, guids: set[str]) -> int:
    """Remember the keeper's age for what has arrived, and forget what is gone; how many have arrived."""
    known = state["seen"].get(replica, {})
    state["seen"][replica] = {guid: known.get(guid, state["age"]) for guid in guids}
    return len(guids - known.keys())


def by_replica(text: str) -> dict[str, set[str]]:
    """The guids of all snapshots that were listed."""
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
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
    """Keep what the keeper remembers."""
    write(STATE, state)


def write(path: Path, tree: dict[str, Any]) -> None:
    """A power cut leaves the old file or the new one, whole."""
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        json.dump(tree, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


class Lock:
    """One keeper at a time, and one that writes to a log."""

    def __init__(self, name: str = "lock") -> None:
        self.path = STATE.with_name(name)

    def __enter__(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.file = self.path.open("w", encoding="ascii")
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self.file.close()


def note(user: str, words: list[str], what: str) -> None:
    """Append a line to the log of what was asked: of the length that we choose, not whoever asks."""
    asked = shortened(" ".join(words), ASKED_SHOWN)
    append(LOG, {"user": user, "asked": asked, "what": shortened(what, WHAT_SHOWN)}, LOG_BYTES, LOGS_KEPT)


def shortened(text: str, most: int) -> str:
    """Its beginning, and how long it is."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


def append(name: str, tree: dict[str, Any], most: int, kept: int) -> None:
    """Append a line to a log, and have it on the disk. One of `most` bytes is set aside first, and `kept` such stay."""
    path = LOGS / name
    with Lock("log"):
        LOGS.mkdir(mode=0o755, parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size >= most:
            for number in range(kept, 0, -1):
                older = LOGS / (name if number == 1 else f"{name}.{number - 1}")
                if older.exists():
                    older.replace(LOGS / f"{name}.{number}")
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": int(time.time()), **tree}) + "\n")
            file.flush()
            os.fsync(file.fileno())


def zfs(*argv: str) -> str:
    """What a program prints. Its failure is the keeper's own, with its words."""
    return succeeded(program(*argv))


def program(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(argv, env=ENVIRONMENT, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    """What it has printed, if it has succeeded."""
    if done.returncode != 0:
        raise FailedError(done.returncode, done.stderr)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
