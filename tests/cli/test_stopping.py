"""A command that is told to stop stops, whatever it is waiting for."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from demo.environment import clean_environment
from tests.cli.test_commands import write_settings
from zoffsite.cli.backup import stopping_on_signals
from zoffsite.history import past_runs
from zoffsite.hosts.transfers import transfers
from zoffsite.lock import JobLock


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_backup_that_waits_for_another_run_can_be_stopped_and_then_does_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    write_settings(tmp_path, 9, remote=True)
    state = tmp_path / "state"
    command = [str(Path(sys.executable).with_name("zoffsite")), "backup", "--direct", "--wait"]
    environment = {**clean_environment(), "HOME": str(tmp_path), "ZOFFSITE_STATE_DIR": str(state)}
    with (
        JobLock("home", "a long run", state),
        subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            assert process.stderr is not None
            assert any("waiting for its end" in line for line in process.stderr)
            process.send_signal(number)
            said = process.communicate(timeout=60)[1]
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in said
    (past,) = past_runs("home", state)
    assert "asked to stop" in past.words


def test_what_ended_an_earlier_run_of_this_process_does_not_end_the_next() -> None:
    transfers.stop_all()
    with stopping_on_signals():
        assert not transfers.stopping
        signal.raise_signal(signal.SIGTERM)
        assert transfers.stopping
