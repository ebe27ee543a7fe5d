"""A box that answers whatever it likes: one clear error, soon, in little memory. What the parsers make of smaller
lies is tested without a box: tests/zfs/test_hostile_answers.py, tests/hosts/test_hostile_box.py.
"""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import MakeStage
from .impostor import impostor
from .stage import Done, Stage

pytestmark = pytest.mark.lab
MOST = 400 << 10
"""Kilobytes: Python and its libraries take 70 MiB, a listing of the box at most 192 MiB."""
ROW = r"filesystem\tlie%%.0f\t1\t1\t1\toff\t-\t-\t-\t-\t0\t0\t0\t0\t-\t-\t-\t-\t-"
"""For printf(1), and then for seq(1)."""


@pytest.fixture(scope="module")
def stage(make_stage: MakeStage) -> Stage:
    return make_stage("lies")


def with_memory(stage: Stage, run: subprocess.Popen[str]) -> tuple[Done, int]:
    """How a run ended with exit code 1, and the most kilobytes that it ever had. Its mark only rises."""
    highest, status = 0, Path(f"/proc/{run.pid}/status")
    while run.poll() is None:
        found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        highest = int(found[1]) if found else highest
        time.sleep(0.02)
    return stage.finish(run, 1), highest


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (f"seq -f \"$(printf '{ROW}')\" 100000000", "more datasets and snapshots than 192 MiB have room for"),
        ("printf 'filesystem\\tvault/lies\\033]0;owned\\007\\n'", "columns instead of"),
        ("yes oh no >&2", "it says more than 64 KiB"),
    ],
    ids=["lines without end", "control characters", "complaints without end"],
)
def test_a_lie_of_any_size_is_one_clear_error_in_bounded_memory(stage: Stage, lie: str, said: str) -> None:
    with impostor(stage.box, "zoffsite", "list", lie):
        done, highest = with_memory(stage, stage.start("plan"))
    assert said in done.said
    assert "Next:" in done.said
    assert len(done.said) < 2000
    assert done.said.isprintable()
    assert 0 < highest < MOST
