"""How many requests of a verb the gate lets run: real processes, with a `zfs` and a digest that are made up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from annotated_types import Le

from zoffsite.box import gate
from zoffsite.config.schema import JobTable

WORDS = {"replica": "a", "snapshot": "one", "nonce": "0f" * 32}
ZFS = "case $1 in send) exec cat /dev/zero ;; *) echo on; exec sleep 100 ;; esac"


def start(box: Path, verb: str) -> subprocess.Popen[str]:
    program = (
        f"import runpy; g = runpy.run_path({str(Path(gate.__file__))!r}); names = g['grant'].__globals__; "
        f"names['ENVIRONMENT']['PATH'] = {f'{box}:/usr/bin:/bin'!r}; names['DIGEST'] = {str(box / 'digest')!r}\n"
        f"try: g['grant']({verb!r}, {WORDS!r}, 'vault/home')\n"
        "except g['RefusedError'] as error: raise SystemExit(f'refused: {error}')"
    )
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=60)


@pytest.mark.parametrize(("verb", "most"), [("prove", 8), ("overview", 16)])
def test_only_some_requests_run_at_once_and_one_that_has_ended_makes_room(tmp_path: Path, verb: str, most: int) -> None:
    for name, does in (("zfs", ZFS), ("digest", "echo on; exec sleep 100")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    running = [start(tmp_path, verb) for _ in range(most)]
    try:
        assert [first_line(each) for each in running] == ["on\n"] * most
        out, err = start(tmp_path, verb).communicate(timeout=60)
        assert (out, err) == ("", f"refused: {most} requests to {verb} are running; ask again when one has ended\n")
        end(running.pop())
        running.append(start(tmp_path, verb))
        assert first_line(running[-1]) == "on\n"
    finally:
        for each in running:
            end(each)


def test_as_many_transfers_run_at_once_as_a_job_may_have() -> None:
    (most,) = (bound.le for bound in JobTable.model_fields["parallel"].metadata if isinstance(bound, Le))
    assert {gate.AT_ONCE[verb] for verb in ("receive", "send", "resume")} == {most}
