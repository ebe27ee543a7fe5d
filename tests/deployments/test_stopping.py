"""What runs jobs for Prefect is stopped in order: its runs first, then itself. Prefect is played by a few lines."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STARTER = """
import signal, subprocess, sys
RUN = '''
import signal, sys
def end(*_):
    print(sys.argv[1] + " cleaned up\\\\n", end="", flush=True)  # one write: two of them share the pipe
    sys.exit()
signal.signal(signal.SIGTERM, end)
print(sys.argv[1] + " begun\\\\n", end="", flush=True)
while True:
    signal.pause()
'''
IDLE = '''
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("helper begun\\\\n", end="", flush=True)
signal.pause()
'''
def end(*_):
    print("starter stopped", flush=True)
    for each in started:
        each.kill()
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
started = [
    subprocess.Popen([sys.executable, "-c", RUN, "worker's run"], start_new_session=True),
    subprocess.Popen([sys.executable, "-c", RUN, "served run"]),
    subprocess.Popen([sys.executable, "-c", IDLE, "resource_tracker"]),
]
while True:
    signal.pause()
"""
PICKS_UP = """
import signal, subprocess, sys
FIRST = '''
import os, signal, sys
def end(*_):
    os.kill(os.getppid(), signal.SIGUSR1)
    sys.stdin.read()  # its clean-up takes longer than the whole second run
    print("first cleaned up", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("first begun", flush=True)
while True:
    signal.pause()
'''
SECOND = '''
import signal, sys
def end(*_):
    print("second cleaned up", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, end)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
while True:
    signal.pause()
'''
def pick_up(*_):
    wait = lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # until it can clean up
    started.append(subprocess.Popen([sys.executable, "-c", SECOND], preexec_fn=wait))
    started[1].wait()
    started[0].stdin.close()
def end(*_):
    print("starter stopped", flush=True)
    for each in started:
        each.kill()
    sys.exit()
signal.signal(signal.SIGUSR1, pick_up)
signal.signal(signal.SIGTERM, end)
started = [subprocess.Popen([sys.executable, "-c", FIRST], stdin=subprocess.PIPE)]
while True:
    signal.pause()
"""
"""While the first run cleans up, a second one is picked up."""
RUNNING = ("worker's run", "served run", "helper")
STOPPER = """
import sys
from deployments import stopping
stopping.PATIENCE = 1000
sys.exit(stopping.run_and_stop_in_order([sys.executable, "-c", sys.argv[1]]))
"""


@contextmanager
def running(starter: str) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-c", STOPPER, starter]
    with subprocess.Popen(argv, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_its_runs_clean_up_before_it_is_stopped_whether_or_not_they_lead_a_group() -> None:
    with running(STARTER) as process:
        assert process.stdout is not None
        assert {process.stdout.readline() for _ in range(3)} == {f"{who} begun\n" for who in RUNNING}
        process.terminate()
        said = process.communicate(timeout=20)[0].splitlines()
        assert process.returncode == 0
    assert set(said[:2]) == {"worker's run cleaned up", "served run cleaned up"}
    assert said[2:] == ["starter stopped"]


def test_a_run_that_is_picked_up_meanwhile_cleans_up_too() -> None:
    with running(PICKS_UP) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "first begun\n"
        process.terminate()
        said = process.communicate(timeout=20)[0].splitlines()
    assert said == ["second cleaned up", "first cleaned up", "starter stopped"]


def test_what_ends_by_itself_is_told_by_its_exit_code() -> None:
    with running("import sys; sys.exit(3)") as process:
        assert process.wait(60) == 3
