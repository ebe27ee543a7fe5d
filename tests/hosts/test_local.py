"""Programs on this machine."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from zoffsite.hosts.local import LocalRunner
from zoffsite.model.errors import OperationError

from .sshd import running, wait_until
from .streams import FOREVER, python


@pytest.fixture
def here() -> LocalRunner:
    return LocalRunner()


def test_a_program_gets_its_arguments_unchanged(here: LocalRunner) -> None:
    odd = ["a b", "$HOME", "`id`", "'", "*", "ä\n", ""]
    assert here.run(python("import sys; sys.stdout.write(ascii(sys.argv[1:]))", *odd)).stdout == ascii(odd)


def test_zfs_is_looked_for_in_path_first_and_then_in_sbin(
    here: LocalRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "zfs"
    fake.write_text('#!/bin/sh\necho "$LC_ALL $PATH"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    locale, path = here.run(["zfs"]).stdout.split()
    assert locale == "C"
    assert "/usr/sbin" in path.split(":")


def test_a_missing_program_is_exit_code_127(here: LocalRunner) -> None:
    assert here.run(["no-such-program"]).exit_code == 127


def test_a_program_that_waits_for_input_gets_its_end(here: LocalRunner) -> None:
    assert here.run(["cat"]).exit_code == 0


def test_a_program_that_does_not_end_in_time_is_killed(here: LocalRunner, marker: str) -> None:
    with pytest.raises(OperationError) as caught:
        here.run(python("import time; " + FOREVER, marker), timeout=0.5)
    assert (caught.value.code, caught.value.transient) == ("timeout", True)
    assert not running(marker)


def test_what_a_program_started_is_killed_with_it(here: LocalRunner, marker: str) -> None:
    with pytest.raises(OperationError):
        here.run(["sh", "-c", f"sleep 1000 {marker} || sleep 1000; true # {marker}"], timeout=0.5)
    assert wait_until(lambda: not running(marker))


def test_a_grandchild_that_keeps_stderr_does_not_hold_us_up_for_ever(here: LocalRunner, marker: str) -> None:
    process = here.open(["sh", "-c", f"{sys.executable} -c 'import time; {FOREVER}' {marker} >/dev/null & exit 3"])
    try:
        assert process.wait(5).exit_code == 3
    finally:
        for pid in running(marker):
            os.kill(pid, 9)


def test_too_long_an_answer_is_cut(marker: str) -> None:
    with pytest.raises(OperationError) as caught:
        LocalRunner(stdout_limit=1 << 16).run(["sh", "-c", f"cat /dev/zero # {marker}"])
    assert caught.value.code == "oversized-answer"
    assert not running(marker)


def test_too_many_arguments_are_an_error_of_ours(here: LocalRunner) -> None:
    with pytest.raises(OperationError) as caught:
        here.run(["true", "x" * 1_000_000])
    assert caught.value.code == "cannot-start"


def test_ctrl_c_in_the_terminal_does_not_reach_a_program_of_ours(here: LocalRunner) -> None:
    process = here.open(["cat"])
    try:
        assert os.getsid(process.pid) == process.pid != os.getsid(0)
        assert os.getpgid(process.pid) == process.pid
    finally:
        process.kill()
        process.wait(5)


def test_no_file_and_no_thread_is_left_open(here: LocalRunner) -> None:
    def use() -> None:
        here.run(["true"])
        process = here.open(["cat"])
        process.write(memoryview(b"x"))
        process.kill()
        process.wait(5)

    use()
    before = set(Path("/proc/self/fd").iterdir())
    for _ in range(5):
        use()
    assert set(Path("/proc/self/fd").iterdir()) == before
    assert wait_until(lambda: not [t for t in threading.enumerate() if t.name.startswith("zoffsite")])


def test_a_sender_does_not_outlive_us_when_we_are_killed(marker: str, tmp_path: Path) -> None:
    ours = f"""
import os, sys
from zoffsite.hosts.local import LocalRunner
from tests_streams import sender
process = LocalRunner().open(sender(1 << 40, {marker!r}))
process.read(1)
print("ready", flush=True)
sys.stdin.read()
"""
    (tmp_path / "tests_streams.py").write_text((Path(__file__).parent / "streams.py").read_text())
    paths = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    child = subprocess.Popen(
        [sys.executable, "-c", ours],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert child.stdout is not None
    assert child.stdin is not None
    assert child.stdout.readline() == b"ready\n"
    child.kill()
    child.wait(5)
    assert wait_until(lambda: not running(marker))
    child.stdout.close()
    child.stdin.close()


def test_memory_does_not_grow_with_what_is_read(here: LocalRunner) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    process = here.open(["head", "-c", str(1 << 28), "/dev/zero"])
    while process.read(1 << 20):
        pass
    process.wait(5)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10  # kilobytes
