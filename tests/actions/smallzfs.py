"""A `zfs` of a few lines, first in PATH, for tests of what happens between the commands: two pools in one file.

It knows names, guids, holds and bookmarks, not bytes. Real ZFS has the last word: tests/lab/chain.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.hosts.streams import begin
from tests.stream.test_keys import payload

PROGRAM = r"""#!{python} -I
import fcntl, json, os, re, signal, sys
words, place = sys.argv[1:], {place!r}
if words[0] == "receive":
    data = sys.stdin.buffer.read()
lock = open(place + "/lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
state = json.load(open(place + "/state.json"))
line = " ".join(["zfs", *words])
state["calls"].append(line)
sets, tags, said, code = state["datasets"], state["tags"], [], 0

def complain(text):
    global code
    print(text, file=sys.stderr)
    code = 1

def hit(when):
    for each in state["faults"]:
        if each["when"] == when and re.match("zfs " + each["line"], line):
            state["faults"].remove(each)
            for name in each["destroys"]:
                drop(name)
            for name in each["makes"]:
                make(name)
            if each["says"]:
                complain(each["says"])
            return bool(each["says"])
    return False

def save():
    open(place + "/new", "w").write(json.dumps(state))
    os.replace(place + "/new", place + "/state.json")

def drop(name):
    dataset, mark, version = re.match("([^@#]*)([@#]?)(.*)", name).groups()
    if tags.get(name):
        return complain(f"cannot destroy snapshot {{name}}: dataset is busy")
    if not mark:
        sets.pop(name)
    else:
        sets[dataset]["snapshots" if mark == "@" else "bookmarks"].pop(version)

def make(name, guid=0):
    dataset, version = name.split("@")
    state["txg"] += 1
    sets[dataset]["snapshots"][version] = dict(guid=guid or 1000 + state["txg"], txg=state["txg"])

def row(kind, name, columns, each):
    base = dict(type=kind, name=name, guid=each["guid"], createtxg=each["txg"], creation=each["txg"], origin="-",
        encryption="aes-256-gcm", encryptionroot=name, keystatus=each.get("keystatus", "-"), mounted="no",
        readonly=each.get("readonly", "-"), written=each.get("written", 1), used=1, available=10**9, referenced=1,
        snapshots_changed="-")
    if kind == "snapshot":
        base.update(userrefs=len(tags.get(name, [])), numclones=0)
    return "\t".join(str(base.get(column, "-")) for column in columns)

def rows(names, kinds, columns):
    for name in names:
        dataset, _, version = name.partition("@")
        if dataset not in sets or (version and version not in sets[dataset]["snapshots"]):
            complain(f"cannot open '{{name}}': dataset does not exist")
            continue
        each = sets[dataset]
        if "filesystem" in kinds:
            yield row("filesystem", dataset, columns, each)
        for kind, mark in (("snapshot", "@"), ("bookmark", "#")):
            for short, one in each[kind + "s"].items():
                if kind in kinds and version in ("", short):
                    yield row(kind, dataset + mark + short, columns, one)

def work():
    verb, rest = words[0], words[1:]
    if verb == "list":
        kinds, columns = words[words.index("-t") + 1], words[words.index("-o") + 1].split(",")
        names = [each for each in words[words.index("-o") + 2:] if each not in ("-r", "-d", "1")]
        said.extend(rows(names, kinds, columns))
    elif verb == "snapshot":
        bad = [name for name in rest if name.split("@")[0] in state["full"]]
        if gone := [name for name in rest if name.split("@")[0] not in sets]:
            complain("cannot open '%s': dataset does not exist\nusage:\n\tsnapshot [-r] ..." % gone[0].split("@")[0])
        elif [name for name in rest if name.split("@")[0] in state["forbidden"]]:
            complain("cannot create snapshots : permission denied")
        elif bad:
            complain("\n".join(f"cannot create snapshot '{{name}}': out of space" for name in bad))
            complain("no snapshots were created")
        for name in rest if not code else ():
            make(name)
    elif verb == "bookmark":
        dataset, short = rest[0].split("@")
        sets[dataset]["bookmarks"][rest[1].split("#")[1]] = sets[dataset]["snapshots"][short]
    elif verb in ("hold", "release"):
        for name in rest[1:]:
            dataset, short = name.split("@")
            if short not in sets[dataset]["snapshots"]:
                complain(f"cannot {{verb}} snapshot '{{name}}': dataset does not exist")
            elif verb == "hold":
                tags.setdefault(name, []).append(rest[0])
            elif rest[0] in tags.get(name, []):
                tags[name].remove(rest[0])
    elif verb == "holds":
        said.extend(f"{{name}}\t{{tag}}\tMon Nov 23 04:50 2026" for name in rest[1:] for tag in tags.get(name, []))
    elif verb == "allow":
        given = "bookmark,destroy,hold,release,send" + ("" if rest[0] in state["forbidden"] else ",mount,snapshot")
        said.append(f"---- Permissions on {{rest[0]}} ----\nLocal permissions:\n\tuser u {{given}}")
    elif verb == "destroy":
        dataset, mark, names = re.match("([^@#]*)([@#])(.*)", rest[0]).groups()
        for short in names.split(","):
            drop(dataset + mark + short)
    elif verb == "send":
        dataset, short = rest[-1].split("@")
        base = rest[rest.index("-i") + 1] if "-i" in rest else None
        known = {{"@": "snapshots", "#": "bookmarks"}}
        parts = re.match("([^@#]*)([@#])(.*)", base or "")
        fromguid = sets[parts[1]][known[parts[2]]][parts[3]]["guid"] if parts else 0
        head = bytearray.fromhex({head!r})
        head[40:56] = sets[dataset]["snapshots"][short]["guid"].to_bytes(8, "little") + fromguid.to_bytes(8, "little")
        head[56:312] = rest[-1].encode().ljust(256, b"\0")
        save()
        if short in state["endless"]:
            fcntl.flock(lock, fcntl.LOCK_UN)
            os.write(1, head)
            signal.pause()
        os.write(1, bytes(head) + bytes({extra}))
    elif verb == "receive":
        to = int.from_bytes(data[40:48], "little")
        short = data[56:312].rstrip(b"\0").decode().split("@")[1]
        new = dict(guid=to, txg=0, snapshots={{}}, bookmarks={{}}, keystatus="unavailable", readonly="on", written=0)
        sets.setdefault(rest[-1], new)
        make(rest[-1] + "@" + short, to)

if not hit("before"):
    work()
    hit("after")
save()
print("\n".join(said), end="\n" if said else "")
sys.exit(code)
"""
EXTRA = 500
"""Bytes of a stream after its first record and that one's payload."""


class SmallZfs:
    """The state of both pools, and what is to go wrong."""

    def __init__(self, place: Path) -> None:
        self.place = place
        key = payload("2.3-full")
        head = bytearray(begin() + key)
        head[4:8] = len(key).to_bytes(4, "little")
        self.stream = len(head) + EXTRA
        program = PROGRAM.format(python=sys.executable, place=str(place), head=head.hex(), extra=EXTRA)
        path = place / "zfs"
        path.write_text(program)
        path.chmod(0o755)
        (place / "zpool").symlink_to("/bin/true")
        self._write(
            {
                "calls": [],
                "datasets": {},
                "tags": {},
                "faults": [],
                "txg": 10,
                "full": [],
                "forbidden": [],
                "endless": [],
            }
        )

    def add(self, dataset: str, *snapshots: str, **values: Any) -> None:
        """A dataset of the source with these snapshots, oldest first."""
        state = self.state
        shots = {name: {"guid": 500 + place, "txg": 1 + place} for place, name in enumerate(snapshots)}
        made = {"guid": 1, "txg": 1, "snapshots": shots, "bookmarks": {}, "keystatus": "available", "readonly": "off"}
        self._write({**state, "datasets": {**state["datasets"], dataset: {**made, **values}}})

    def fault(
        self,
        line: str,
        *,
        when: str = "before",
        says: str = "",
        destroys: tuple[str, ...] = (),
        makes: tuple[str, ...] = (),
    ) -> None:
        """At the first command that, after `zfs`, begins like this regular expression: do these, and fail so."""
        each = {"line": line, "when": when, "says": says, "destroys": destroys, "makes": makes}
        self.change(faults=[*self.state["faults"], each])

    def change(self, **changes: Any) -> None:
        self._write({**self.state, **changes})

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.place / "state.json").read_text())
        return found

    @property
    def calls(self) -> list[str]:
        return list(self.state["calls"])

    @property
    def verbs(self) -> list[str]:
        """The commands so far, without the listings' and the versions' details."""
        return [" ".join(call.split()[:2]) for call in self.calls]

    def snapshots(self, dataset: str) -> list[str]:
        return list(self.state["datasets"][dataset]["snapshots"])

    def bookmarked(self, dataset: str) -> list[int]:
        """The guids of its bookmarks."""
        return [each["guid"] for each in self.state["datasets"][dataset]["bookmarks"].values()]

    def held(self) -> list[str]:
        return sorted(name for name, tags in self.state["tags"].items() if tags)

    def destroy(self, *names: str) -> None:
        """What another pruner does: it takes what nobody holds."""
        state = self.state
        for name in names:
            dataset, short = name.split("@")
            if not state["tags"].get(name):
                state["datasets"][dataset]["snapshots"].pop(short)
        self._write(state)

    def _write(self, state: dict[str, Any]) -> None:
        (self.place / "state.json").write_text(json.dumps(state))
