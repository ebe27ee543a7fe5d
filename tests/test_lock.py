from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from zoffsite.lock import JobLock
from zoffsite.model.errors import ExitCode, LockHeldError, OperationError

HOLD = "import sys; from pathlib import Path; from zoffsite.lock import JobLock\n"
HOLD += "with JobLock('home', 'zoffsite backup', Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()\n"


def hold(directory: Path) -> subprocess.Popen[str]:
    """Another process that holds the lock until its stdin ends."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    return other


def end(other: subprocess.Popen[str]) -> None:
    other.communicate()


def test_a_second_run_is_refused_at_once_and_told_who_holds_the_lock(tmp_path: Path) -> None:
    other = hold(tmp_path)
    with pytest.raises(LockHeldError) as caught, JobLock("home", "Prefect run x", tmp_path):
        pass
    end(other)
    assert caught.value.exit_code is ExitCode.LOCKED
    assert f"pid {other.pid} (zoffsite backup) since 20" in caught.value.problem
    assert f" on {os.uname().nodename}" in caught.value.problem
    assert caught.value.remedy.endswith(f"kill {other.pid}")


def test_the_lock_is_free_again_after_the_run(tmp_path: Path) -> None:
    end(hold(tmp_path))
    with JobLock("home", "test", tmp_path):
        pass


def test_the_lock_is_free_again_after_a_sigkill(tmp_path: Path) -> None:
    other = hold(tmp_path)
    other.send_signal(signal.SIGKILL)
    end(other)
    with JobLock("home", "test", tmp_path):
        pass


def test_the_lock_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), JobLock("home", "test", tmp_path):
        raise RuntimeError
    with JobLock("home", "test", tmp_path):
        pass


RACE = """
import os, sys
from pathlib import Path
from zoffsite.lock import JobLock
from zoffsite.model.errors import LockHeldError
start, go = os.pipe()
told, tell = os.pipe()
done, end = os.pipe()
children = []
for number in range(int(sys.argv[2])):
    if (pid := os.fork()) == 0:
        os.close(go), os.close(end)
        os.read(start, 1)
        try:
            with JobLock("home", f"racer {number}", Path(sys.argv[1])):
                os.write(tell, f"won {os.getpid()}\\n".encode())
                os.read(done, 1)
        except LockHeldError as error:
            os.write(tell, f"lost {error.problem}\\n".encode())
        os._exit(0)
    children.append(pid)
os.close(go)
lines = []
with os.fdopen(told) as answers:
    for _ in children:
        lines.append(answers.readline())
os.close(end)
for pid in children:
    os.waitpid(pid, 0)
sys.stdout.write("".join(lines))
"""


@pytest.mark.parametrize("left_behind", ["", '{"pid": 999999999, "host": "HOST", "started": "2020", "how": "killed"}'])
def test_of_many_that_race_for_it_exactly_one_wins_and_all_others_are_told_which(
    tmp_path: Path, left_behind: str
) -> None:
    (tmp_path / "locks").mkdir()
    for _ in range(5):
        (tmp_path / "locks" / "home.lock").write_text(left_behind.replace("HOST", os.uname().nodename))
        raced = subprocess.run(
            [sys.executable, "-c", RACE, str(tmp_path), "20"], capture_output=True, text=True, timeout=120, check=True
        )
        lines = raced.stdout.splitlines()
        (winner,) = [line.removeprefix("won ") for line in lines if line.startswith("won ")]
        losers = [line for line in lines if line.startswith("lost ")]
        assert len(losers) == 19
        assert all(f"by pid {winner} (racer " in line for line in losers)


def test_what_one_that_was_killed_has_left_is_never_taken_for_the_holder(tmp_path: Path) -> None:
    other = hold(tmp_path)
    other.send_signal(signal.SIGKILL)
    end(other)
    with JobLock("home", "test", tmp_path) as lock:
        dead = {"pid": other.pid, "host": os.uname().nodename, "started": "2020", "how": "killed"}
        lock.path.write_text(json.dumps(dead))
        with pytest.raises(LockHeldError, match="another process"):
            JobLock("home", "test", tmp_path).__enter__()


def test_the_same_process_cannot_hold_it_twice(tmp_path: Path) -> None:
    with JobLock("home", "one", tmp_path), pytest.raises(LockHeldError, match=f"pid {os.getpid()}"):
        JobLock("home", "two", tmp_path).__enter__()


def test_jobs_do_not_lock_each_other_out(tmp_path: Path) -> None:
    with JobLock("home", "test", tmp_path), JobLock("other", "test", tmp_path):
        pass


def test_a_child_that_outlives_the_run_does_not_keep_the_lock(tmp_path: Path) -> None:
    with JobLock("home", "test", tmp_path):
        child = subprocess.Popen(["sleep", "600"], close_fds=False)
    try:
        with JobLock("home", "test", tmp_path):
            pass
    finally:
        child.kill()
        child.wait()


def test_the_file_stays_so_that_nobody_locks_a_removed_one(tmp_path: Path) -> None:
    lock = JobLock("home", "test", tmp_path)
    with lock:
        before = lock.path.stat().st_ino
    with lock:
        assert lock.path.stat().st_ino == before
    assert lock.path.exists()


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    with JobLock("home", "test", tmp_path / "state") as lock:
        assert stat.S_IMODE(lock.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(lock.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"5", b'{"pid": 1}', b"\xff"])
def test_a_holder_that_has_not_said_who_it_is_still_holds_the_lock(tmp_path: Path, content: bytes) -> None:
    with JobLock("home", "test", tmp_path) as lock:
        lock.path.write_bytes(content)
        with pytest.raises(LockHeldError, match="another process"):
            JobLock("home", "test", tmp_path).__enter__()


def test_a_state_directory_that_cannot_be_written_to_says_who_can(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperationError) as caught, JobLock("home", "test", tmp_path / "file"):
        pass
    assert caught.value.code == "no-state-dir"
    assert "sudo" in caught.value.remedy
    assert "state_dir" in caught.value.remedy


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "home.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OperationError), JobLock("home", "test", tmp_path):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_a_run_that_was_killed_is_found_by_the_next_one_and_only_by_that(tmp_path: Path) -> None:
    with JobLock("home", "first", tmp_path) as lock:
        assert lock.left_by == ""
        left = lock.path.read_bytes()
    lock.path.write_bytes(left)  # what SIGKILL leaves
    with JobLock("home", "second", tmp_path) as lock:
        assert lock.left_by == "first"
    with JobLock("home", "third", tmp_path) as lock:
        assert lock.left_by == ""
