"""A box that answers whatever it likes, over a real SSH connection: our memory is bounded, and the error is ours.

The box is a real sshd whose forced command is the answer: what we asked for is never run.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .sshd import Sshd, keygen, public_key

pytestmark = pytest.mark.sshd

ROW = r"filesystem\tv%s\t1\t1\t1\toff\t-\t-\t-\t-\t0\t0\t0\t0\t-\t-\t-\t-\t-"
SNAPSHOT = r"snapshot\tv1@" + "n" * 150 + r"%%.0f\t1\t1\t1\t-\t-\t-\t-\t-\t0\t0\t-\t0\t0\t-\t-\t0\t-"
BOOKMARK = r"bookmark\tv1#b%%.0f\t1\t1\t1\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-"
MEMORY = 256 << 10
"""Kilobytes: the 192 MiB that a listing of the box may take, and some more."""


def asked(sshd: Sshd, place: Path, answer: str) -> tuple[str, int, str]:
    """The error's code, by how many kilobytes memory grew, and the message, where the box's answer is `answer`."""
    identity = keygen(place / "identity")
    with (sshd.place / "authorized_keys").open("a") as keys:
        keys.write(f'command="{answer}" {public_key(identity)}\n')
    host = sshd.host
    child = subprocess.run(
        [sys.executable, "-m", "tests.hosts.hostile_child", str(host.port), host.user, host.host_key, str(identity)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    code, grown, message = child.stdout.split(" ", 2)
    return code, int(grown), message.rstrip("\n")


FULL = "more datasets and snapshots than 192 MiB have room for"


@pytest.mark.parametrize(
    ("answer", "code", "problem"),
    [
        (f"yes \"$(printf '{ROW}' 1)\"", "malformed-answer", "the same name twice"),
        ("cat /dev/zero", "malformed-answer", "a line of more than"),
        ("cat /dev/zero >&2", "oversized-answer", "KiB"),
        (f"seq -f \"$(printf '{ROW}' %.0f)\" 100000000", "malformed-answer", FULL),
        (f"printf '{ROW}\\n' 1; seq -f \"$(printf '{SNAPSHOT}')\" 100000000", "malformed-answer", FULL),
        (f"printf '{ROW}\\n' 1; seq -f \"$(printf '{BOOKMARK}')\" 100000000", "malformed-answer", FULL),
        ("head -c 60000000 /dev/zero", "malformed-answer", "a line of more than"),
        (r"printf '\033[2J\377'", "malformed-answer", "not UTF-8"),
    ],
    ids=[
        "lines without end",
        "a line without end",
        "complaints without end",
        "datasets without end",
        "snapshots without end",
        "bookmarks without end",
        "one line",
        "no text",
    ],
)
def test_whatever_a_box_answers_our_memory_is_bounded_and_the_error_is_ours(
    sshd: Sshd, tmp_path: Path, answer: str, code: str, problem: str
) -> None:
    seen, grown, message = asked(sshd, tmp_path, answer.replace('"', r"\""))
    assert seen == code
    assert problem in message
    assert grown < MEMORY
    assert len(message) < 1000
    assert message.isprintable()
