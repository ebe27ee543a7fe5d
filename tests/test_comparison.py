"""The program that compares what came back with the source: on two trees of one file system, without inode numbers."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from zoffsite import comparison
from zoffsite.comparison import FIRST, PIECE, Seen, compare_contents, compare_snapshots, compare_trees, digest_of
from zoffsite.planning.canary import DATA, FILE, canary_text

LARGE = bytes(range(256)) * (PIECE // 128)


@pytest.fixture(autouse=True)
def without_inode_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(comparison.FIELDS, "st_ino")


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """A tree of files of all kinds."""
    top = tmp_path / "live"
    (top / "deep/er").mkdir(parents=True)
    (top / "deep/er/large").write_bytes(LARGE)
    (top / "deep/small").write_text("small")
    os.link(top / "deep/small", top / "linked")
    (top / "pointing").symlink_to("deep/small")
    os.mkfifo(top / "pipe")
    os.setxattr(top / "deep/small", "user.note", b"x" * 100)
    return top


@pytest.fixture
def back(live: Path) -> Path:
    """The same, come back."""
    subprocess.run(["cp", "-a", live, live.with_name("back")], check=True)
    return live.with_name("back")


def compared(live: Path, back: Path) -> Seen:
    seen = Seen()
    compare_trees(os.fsencode(live), os.fsencode(back), seen)
    return seen


def test_a_tree_that_came_back_as_it_was_differs_in_nothing_and_all_of_it_was_read(live: Path, back: Path) -> None:
    seen = compared(live, back)
    assert seen.counts == {"differ": 0, "unread": 0}, seen.first
    assert seen.entries == 8
    assert seen.bytes == len(LARGE) + 2 * len("small")


def flip(path: Path, at: int) -> None:
    """One bit, and the time as it was."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path: Path, make: Callable[[Path], object]) -> None:
    above = path.parent.stat()
    path.unlink()
    make(path)
    os.utime(path.parent, ns=(above.st_atime_ns, above.st_mtime_ns))


CHANGES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a bit": (lambda top: flip(top / "deep/er/large", PIECE + 70_000), "deep/er/large", "other contents from byte"),
    "the last byte": (lambda top: flip(top / "deep/er/large", len(LARGE) - 1), "deep/er/large", str(len(LARGE) - 1)),
    "shorter": (lambda top: os.truncate(top / "deep/er/large", 5), "deep/er/large", "another size, time"),
    "missing": (lambda top: (top / "pipe").unlink(), "pipe", "it is missing"),
    "a tree missing": (lambda top: shutil.rmtree(top / "deep/er"), "deep/er", "it is missing"),
    "more": (lambda top: (top / "deep/more").touch(), "deep/more", "it is not on the source"),
    "mode": (lambda top: (top / "deep/small").chmod(0o4755), "deep/small", "another mode"),
    "owner": (lambda top: os.chown(top / "pipe", 1, -1), "pipe", "another owner"),
    "group": (lambda top: os.chown(top / "pointing", -1, 1, follow_symlinks=False), "pointing", "another group"),
    "time": (lambda top: os.utime(top / "deep/small", ns=(0, 5)), "deep/small", "another time"),
    "target": (
        lambda top: replaced(top / "pointing", lambda path: path.symlink_to("deep/smell")),
        "pointing",
        "link target",
    ),
    "type": (lambda top: replaced(top / "pipe", lambda path: path.touch()), "pipe", "another type"),
    "attribute": (lambda top: os.setxattr(top / "deep/small", "user.note", b"y"), "deep/small", "extended attributes"),
    "new attribute": (lambda top: os.setxattr(top / "deep/er", "user.more", b""), "deep/er", "extended attributes"),
    "hard link": (
        lambda top: replaced(top / "linked", lambda path: shutil.copy2(top / "deep/small", path)),
        "linked",
        "number of links",
    ),
}


@pytest.mark.parametrize(("change", "path", "what"), CHANGES.values(), ids=CHANGES)
def test_each_difference_is_named(
    live: Path, back: Path, change: Callable[[Path], object], path: str, what: str
) -> None:
    change(back)
    seen = compared(live, back)
    assert [words for name, words in seen.first["differ"] if name == path and what in words], seen.first
    assert seen.counts["differ"] >= 1


def test_all_are_counted_and_the_first_are_named(live: Path, back: Path) -> None:
    for number in range(3 * FIRST):
        (live / f"only here {number}").touch()
    os.utime(back, ns=(live.stat().st_atime_ns, live.stat().st_mtime_ns))
    seen = compared(live, back)
    assert seen.counts["differ"] == 3 * FIRST + (live.stat().st_size != back.stat().st_size)
    assert len(seen.first["differ"]) == FIRST


def test_what_cannot_be_read_on_the_source_is_no_difference(
    live: Path, back: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(file: Any) -> bytes:
        if file.name == file.fileno():  # the source's own is opened by its number
            raise OSError(errno.EIO, "Input/output error")
        return bytes(file.read(PIECE))

    monkeypatch.setattr(comparison, "filled", broken)
    seen = compared(live, back)
    assert (seen.counts["differ"], seen.counts["unread"]) == (0, 3)


def test_what_cannot_be_read_of_what_came_back_is_a_difference(
    live: Path, back: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(file: Any) -> bytes:
        if file.name != file.fileno():
            raise OSError(errno.EIO, "Input/output error")
        return bytes(file.read(PIECE))

    monkeypatch.setattr(comparison, "filled", broken)
    seen = compared(live, back)
    assert (seen.counts["differ"], seen.counts["unread"]) == (3, 0)
    assert "cannot be read from byte 0: Input/output error" in seen.first["differ"][0][1]


def test_devices_are_compared_to_the_end_of_both(live: Path, back: Path) -> None:
    for length in (len(LARGE), len(LARGE) - 1, len(LARGE) + 1):
        (back / "deep/er/large").write_bytes((LARGE + b"z")[:length])
        seen = Seen()
        compare_contents(os.fsencode(live / "deep/er/large"), os.fsencode(back / "deep/er/large"), b"", seen)
        assert seen.counts["differ"] == (length != len(LARGE)), length


def test_a_canary_that_came_back_with_all_that_it_lists_is_told_by_its_digest(tmp_path: Path) -> None:
    text = canary(tmp_path)
    assert digest_of(tmp_path, FILE) == hashlib.sha256(text.encode()).hexdigest()


def test_a_canary_of_before_any_files_were_listed_is_told_by_its_digest(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"run": "home-x"}')
    assert digest_of(tmp_path, FILE) == hashlib.sha256(b'{"run": "home-x"}').hexdigest()


@pytest.mark.parametrize("lost", [DATA, FILE])
def test_a_canary_of_which_a_file_is_missing_or_another_has_no_digest(tmp_path: Path, lost: str) -> None:
    canary(tmp_path)
    (tmp_path / lost).write_text("another")
    assert digest_of(tmp_path, FILE) == ""
    (tmp_path / lost).unlink()
    assert digest_of(tmp_path, FILE) == ""


def test_a_canary_that_makes_no_sense_has_no_digest(tmp_path: Path) -> None:
    for text in ("[]", "7", '{"files": 7}', '{"files": {"": ""}}', '{"files": {"a\\u0000b": ""}}', "[" * 10**6):
        (tmp_path / FILE).write_text(text)
        assert digest_of(tmp_path, FILE) == "", text[:20]


def canary(top: Path) -> str:
    """As a run writes it."""
    files = {DATA: "contents"}
    text = canary_text("home-x", datetime(2026, 11, 23, tzinfo=UTC), b"n" * 32, files)
    for name, contents in {**files, FILE: text}.items():
        (top / name).write_text(contents)
    return text


def test_it_runs_alone_and_says_all_in_its_last_line(live: Path, back: Path) -> None:
    words = ["blocks", str(live / "deep/er/large"), str(back / "deep/er/large")]
    program = Path(comparison.__file__).read_text()
    done = subprocess.run([sys.executable, "-I", "-c", program, *words], capture_output=True, text=True, check=True)
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["entries"], last["bytes"], last["differ"]) == (1, len(LARGE), 0)
    assert subprocess.run([sys.executable, "-I", "-c", program, "rm"], check=False).returncode == 64


@pytest.mark.parametrize(("broken", "differ"), [("tank/a@s", None), ("tank/b@s", 1), ("", 0)])
def test_one_that_came_back_and_cannot_be_mounted_is_a_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, differ: int | None
) -> None:
    """With a `mount` that only refuses one of them: both are empty directories."""
    program = tmp_path / "bin/mount"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\ntest "$5" != "{broken}" || {{ echo "Input/output error" >&2; exit 32; }}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    (tmp_path / "place").mkdir()
    monkeypatch.setattr(comparison, "PLACES", (str(tmp_path / "place"),))
    seen = Seen()
    if differ is None:
        with pytest.raises(SystemExit, match="Input/output error"):
            compare_snapshots("tank/a@s", "tank/b@s", seen=seen)
    else:
        compare_snapshots("tank/a@s", "tank/b@s", seen=seen)
        named = [["", "it cannot be mounted: Input/output error"]]
        assert [each for each in seen.first["differ"] if "time" not in each[1]] == named * differ
