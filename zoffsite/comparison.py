#!/usr/bin/python3 -I
"""Compare what came back from the box with the source's own: every byte of it is read. Runs on the source, as root.

    comparison files LIVE@SNAPSHOT BACK@SNAPSHOT [NAME]
    comparison blocks LIVE BACK

`files` mounts both snapshots itself, read-only, nosuid, nodev, noexec, below a tmpfs that only root can look into. It
must have a mount namespace of its own (unshare --mount): then nobody else sees the mounts, and they are gone with the
process, however it ends. `blocks` compares two devices. On stdout: a line of JSON a second, so that whoever waits knows
that it goes on, and one in the end that says all.

Standard library only, Python 3.9 or newer, one file. Nothing is kept in memory but one piece of each side, the
directories on the way to a file, and the first few differences. Raw receives keep even inode numbers, so that hard
links are compared by them.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import resource
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PIECE = 1 << 20
FIRST = 10
"""Differences that are named; all are counted."""
LONGEST = 300
"""Characters of a path that are told."""
EVERY = 1.0
PLACES = ("/mnt", "/media", "/srv", "/tmp")  # noqa: S108 - hidden in a namespace of our own
DEVICE_WAIT = 30.0
"""Seconds that udev may take to make a volume's device."""
FIELDS = {
    "st_size": "size",
    "st_mtime_ns": "time",
    "st_uid": "owner",
    "st_gid": "group",
    "st_nlink": "number of links",
    "st_ino": "inode number",
    "st_rdev": "device",
}


class Seen:
    """What was seen so far."""

    def __init__(self) -> None:
        self.entries = 0
        self.bytes = 0
        self.counts = {"differ": 0, "unread": 0}
        self.first: dict[str, list[list[str]]] = {"differ": [], "unread": []}
        self.told = ""
        self._next = 0.0

    def note(self, kind: str, path: bytes, what: str) -> None:
        """Something differs, or could not be read on the source itself."""
        self.counts[kind] += 1
        if len(self.first[kind]) < FIRST:
            self.first[kind].append([path.decode("utf-8", "replace")[:LONGEST], what])

    def differs(self, path: bytes, what: str) -> None:
        """It did not come back as it was."""
        self.note("differ", path, what)

    def read(self, count: int) -> None:
        """`count` bytes of what came back; says now and then how far it is."""
        self.bytes += count
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY
            say({"bytes": self.bytes})

    def whole(self) -> dict[str, Any]:
        """All of it."""
        return {
            "entries": self.entries,
            "bytes": self.bytes,
            "differ": self.counts["differ"],
            "first": self.first["differ"],
            "unread": self.counts["unread"],
            "first_unread": self.first["unread"],
            "told": self.told,
        }


def main(words: list[str]) -> int:
    """Compare, and say what came of it. Exit code 64: the words are none of ours."""
    seen = Seen()
    if len(words) in (3, 4) and words[0] == "files":
        with contextlib.suppress(ValueError, OSError):  # each directory on the way to a file is open
            _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        compare_snapshots(*words[1:], seen=seen)
    elif len(words) == 3 and words[0] == "blocks":
        live, back = (awaited(os.fsencode(word)) for word in words[1:])
        seen.entries = 1
        compare_contents(live, back, b"", seen)
    else:
        return 64
    say(seen.whole())
    return 0


def say(tree: dict[str, Any]) -> None:
    """One line."""
    print(json.dumps(tree), flush=True)


def compare_snapshots(live: str, back: str, told: str = "", *, seen: Seen) -> None:
    """Mount both. One that came back and cannot be mounted is a difference; of the source's own, nobody knows."""
    place = Path(next(each for each in PLACES if Path(each).is_dir()))
    here, there = place / "live", place / "back"
    problem = mount("tmpfs", "mode=0700,size=1m", "zoffsite-drill", place) or mount("zfs", "ro", live, here)
    if problem:
        sys.exit(problem)  # to stderr, with exit code 1
    problem = mount("zfs", "ro", back, there)
    if problem:
        seen.differs(b"", f"it cannot be mounted: {problem}")
        return
    compare_trees(os.fsencode(here), os.fsencode(there), seen)
    if told:
        seen.told = digest_of(there, told)


def mount(kind: str, options: str, what: str, place: Path) -> str:
    """Mount it there, so that nothing in it can be run, or open a device; "", or what mount(8) complains of."""
    place.mkdir(mode=0o700, exist_ok=True)
    argv = ["mount", "-t", kind, "-o", f"{options},nosuid,nodev,noexec", what, str(place)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode == 0:
        return ""
    return (done.stderr or done.stdout).decode("utf-8", "replace").strip() or "mount failed"


def awaited(device: bytes) -> bytes:
    """The same, once udev has made it."""
    end = time.monotonic() + DEVICE_WAIT
    while not os.path.exists(device) and time.monotonic() < end:
        time.sleep(0.1)
    return device


def compare_trees(live: bytes, back: bytes, seen: Seen) -> None:
    """Every entry of `live` with that of the same name in `back`, and what is in `back` alone."""
    if not compare_entry(live, back, b"", seen):
        return
    ways: list[Iterator[bytes]] = [walk(live, back, b"", seen)]
    while ways:
        path = next(ways[-1], None)
        if path is None:
            ways.pop()
        elif compare_entry(live, back, path, seen):
            ways.append(walk(live, back, path, seen))


def walk(live: bytes, back: bytes, path: bytes, seen: Seen) -> Iterator[bytes]:
    """The paths of what the source has in a directory, after a look at what only came back."""
    try:
        with os.scandir(os.path.join(back, path)) as entries:
            for entry in entries:
                seen.read(0)
                if not os.path.lexists(os.path.join(live, path, entry.name)):
                    seen.differs(os.path.join(path, entry.name), "it is not on the source")
    except OSError as error:
        seen.differs(path, f"its list of files cannot be read: {error.strerror}")
    try:
        with os.scandir(os.path.join(live, path)) as entries:
            for entry in entries:
                yield os.path.join(path, entry.name)
    except OSError as error:
        seen.note("unread", path, str(error.strerror))


def compare_entry(live: bytes, back: bytes, path: bytes, seen: Seen) -> bool:
    """One entry; whether both are directories."""
    seen.entries += 1
    seen.read(0)
    ours, theirs = (os.path.join(top, path) if path else top for top in (live, back))
    try:
        here = os.lstat(ours)
        kept = attributes(ours)
        target = os.readlink(ours) if stat.S_ISLNK(here.st_mode) else b""
    except OSError as error:
        seen.note("unread", path, str(error.strerror))
        return False
    try:
        there = os.lstat(theirs)
        wrong = differing(here, there, root=not path)
        if stat.S_IFMT(here.st_mode) == stat.S_IFMT(there.st_mode):
            wrong += ["extended attributes"] if attributes(theirs) != kept else []
            wrong += ["link target"] if target and os.readlink(theirs) != target else []
    except FileNotFoundError:
        seen.differs(path, "it is missing")
        return False
    except OSError as error:
        seen.differs(path, f"it cannot be read: {error.strerror}")
        return False
    if wrong:
        seen.differs(path, f"another {', '.join(wrong)}")
    elif stat.S_ISREG(here.st_mode):
        compare_contents(ours, theirs, path, seen)
    return stat.S_ISDIR(here.st_mode) and stat.S_ISDIR(there.st_mode)


def differing(here: os.stat_result, there: os.stat_result, *, root: bool) -> list[str]:
    """Which fields differ. The top directory of a mount has a made-up inode number."""
    if stat.S_IFMT(here.st_mode) != stat.S_IFMT(there.st_mode):
        return ["type"]
    found = ["mode"] if here.st_mode != there.st_mode else []
    fields = {name: words for name, words in FIELDS.items() if not (root and name == "st_ino")}
    return found + [words for name, words in fields.items() if getattr(here, name) != getattr(there, name)]


def attributes(path: bytes) -> dict[str, bytes]:
    """The extended attributes, ACLs among them, of the entry itself; none where the dataset has them switched off."""
    try:
        names = sorted(os.listxattr(path, follow_symlinks=False))
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return {}
        raise
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in names}


def compare_contents(ours: bytes, theirs: bytes, path: bytes, seen: Seen) -> None:
    """Byte by byte, to the end of both, or to the first difference."""
    at = 0
    try:
        here = os.open(ours, os.O_RDONLY | os.O_NOFOLLOW if path else os.O_RDONLY)
    except OSError as error:
        seen.note("unread", path, str(error.strerror))
        return
    with os.fdopen(here, "rb", buffering=0) as live:
        try:
            with open(theirs, "rb", buffering=0) as back:
                while True:
                    came = filled(back)
                    seen.read(len(came))
                    own = from_source(live, path, seen)
                    if own is None:
                        return
                    if own != came:
                        seen.differs(path, f"other contents from byte {at + common(own, came)}")
                        return
                    if not own:
                        return
                    at += len(own)
        except OSError as error:
            seen.differs(path, f"it cannot be read from byte {at}: {error.strerror}")


def from_source(live: Any, path: bytes, seen: Seen) -> bytes | None:
    """The next piece of the source's own; None where that cannot be read, so that nobody knows."""
    try:
        return filled(live)
    except OSError as error:
        seen.note("unread", path, str(error.strerror))
        return None


def filled(file: Any) -> bytes:
    """A whole piece, less only at the end."""
    piece = bytearray()
    while len(piece) < PIECE:
        more = file.read(PIECE - len(piece))
        if not more:
            break
        piece += more
    return bytes(piece)


def common(one: bytes, other: bytes) -> int:
    """How many bytes they begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))


def digest_of(top: Path, name: str) -> str:
    """The SHA-256 of a file of JSON; "" where it cannot be read, or one that it lists is missing or another.

    It lists others beside it so: {"files": {NAME: SHA-256}}.
    """
    try:
        text = beginning(top, name)
        listed = json.loads(text).get("files", {})
        as_listed = all(sha256(beginning(top, each)) == digest for each, digest in listed.items())
    except (OSError, ValueError, AttributeError, RecursionError):
        return ""
    return sha256(text) if as_listed else ""


def beginning(top: Path, name: str) -> bytes:
    """A small file in the top directory, whole; of a larger one no more than a piece."""
    with open(top / os.path.basename(name), "rb") as file:
        return file.read(PIECE)


def sha256(contents: bytes) -> str:
    """As 64 hex digits."""
    return hashlib.sha256(contents).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
