"""How many proofs the gate lets run: real processes, with a `zfs` and a digest that are made up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from zoffsite.box import gate


def start(box: Path) -> subprocess.Popen[str]:
    program = (
        f"import runpy; g = runpy.run_path({str(Path(gate.__file__))!r}); names = g['prove'].__globals__; "
        f"names['ENVIRONMENT']['PATH'] = {f'{box}:/usr/bin:/bin'!r}; names['DIGEST'] = {str(box / 'digest')!r}\n"
        "try: g['prove']('vault/home/a', 'one', '0f' * 32, None, None)\n"
        "except g['RefusedError'] as error: raise SystemExit(f'refused: {error}')"
    )
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=60)


def test_only_some_proofs_run_at_once_and_one_that_has_ended_makes_room(tmp_path: Path) -> None:
    for name, does in (("zfs", "exec cat /dev/zero"), ("digest", "echo on; exec sleep 100")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    running = [start(tmp_path) for _ in range(gate.PROOFS)]
    try:
        assert [first_line(each) for each in running] == ["on\n"] * gate.PROOFS
        out, err = start(tmp_path).communicate(timeout=60)
        assert (out, err) == ("", f"refused: {gate.PROOFS} proofs are running; ask again when one has ended\n")
        end(running.pop())
        running.append(start(tmp_path))
        assert first_line(running[-1]) == "on\n"
    finally:
        for each in running:
            end(each)
