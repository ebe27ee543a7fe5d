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
MEMORY = 256 << 10
"""Kilobytes: the 64 MiB that a box may say, as the bytes that came, their copy and their text; and some more."""


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


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (f"yes \"$(printf '{ROW}' 1)\"", "oversized-answer"),
        ("cat /dev/zero", "oversized-answer"),
        ("cat /dev/zero >&2", "oversized-answer"),
        (f"seq -f \"$(printf '{ROW}' %.0f)\" 1000000", "malformed-answer"),
        ("head -c 60000000 /dev/zero", "malformed-answer"),
        (r"printf '\033[2J\377'", "malformed-answer"),
    ],
    ids=["lines without end", "a line without end", "complaints without end", "a million lines", "one line", "no text"],
)
def test_whatever_a_box_answers_our_memory_is_bounded_and_the_error_is_ours(
    sshd: Sshd, tmp_path: Path, answer: str, code: str
) -> None:
    seen, grown, message = asked(sshd, tmp_path, answer.replace('"', r"\""))
    assert seen == code
    assert grown < MEMORY
    assert len(message) < 1000
    assert message.isprintable()
