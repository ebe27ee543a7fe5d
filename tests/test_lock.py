from __future__ import annotations

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


def test_a_state_directory_that_cannot_be_made_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperationError) as caught, JobLock("home", "test", tmp_path / "file"):
        pass
    assert caught.value.code == "no-state-dir"
    assert "ZOFFSITE_STATE_DIR" in caught.value.remedy


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "home.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OperationError), JobLock("home", "test", tmp_path):
        pass
    assert not (tmp_path / "elsewhere").exists()
