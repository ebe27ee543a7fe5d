"""Several runs may use one disk; the last one is alone with it."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from zoffsite.disklock import using
from zoffsite.model.errors import OperationError
from zoffsite.model.job import Disk

DISK = Disk(pool="usb", guid=42, absent_after=timedelta(days=1))
HOLD = """
import sys
from datetime import timedelta
from pathlib import Path
from zoffsite.disklock import using
from zoffsite.model.job import Disk
with using(Disk(pool="usb", guid=int(sys.argv[2]), absent_after=timedelta(days=1)), Path(sys.argv[1])) as use:
    print(use.alone() if len(sys.argv) > 3 else "using", flush=True)
    sys.stdin.read()
"""


def other(place: Path, guid: int = 42, *words: str) -> subprocess.Popen[str]:
    """Another process that uses a disk until its input ends."""
    run = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place), str(guid), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    assert run.stdout.readline().strip() in ("using", "True")
    return run


def test_whoever_is_the_only_one_is_alone(tmp_path: Path) -> None:
    with using(DISK, tmp_path) as use:
        assert use.alone()


def test_nobody_is_alone_while_another_process_uses_the_disk_and_the_last_one_is(tmp_path: Path) -> None:
    with other(tmp_path) as run:
        with using(DISK, tmp_path) as use:
            assert not use.alone()
        run.kill()
        run.wait()
        with using(DISK, tmp_path) as use:
            assert use.alone()


def test_another_disk_is_in_nobodys_way(tmp_path: Path) -> None:
    with other(tmp_path, 43) as run, using(DISK, tmp_path) as use:
        assert use.alone()
        run.kill()


def test_nobody_begins_to_use_a_disk_that_is_being_exported(tmp_path: Path) -> None:
    with other(tmp_path, 42, "alone") as run:
        waiting = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path), "42"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with waiting:
            assert waiting.stdout is not None
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(1)
            run.kill()
            assert waiting.stdout.readline().strip() == "using"
            waiting.kill()


def test_without_a_place_for_the_file_the_error_says_so(tmp_path: Path) -> None:
    (tmp_path / "locks").write_text("")
    with pytest.raises(OperationError) as caught, using(DISK, tmp_path):
        pass
    assert caught.value.code == "no-state-dir"
