"""Proofs and challenges of a disk, with a stand-in for zfs that sends a stream."""

from __future__ import annotations

import os
import shlex
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.planning.make import JOB, REPLICA, SOURCE, snap, there
from tests.stream.test_digest import STREAM
from zoffsite.actions.challenge import make_challenges
from zoffsite.actions.progress import log_progress
from zoffsite.actions.prove import dataset_proved, prove_streams
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.transfers import transfers
from zoffsite.ledger import Ledger
from zoffsite.model.errors import RunInterruptedError
from zoffsite.model.job import Disk, Job, Retries
from zoffsite.model.plan import SendStep
from zoffsite.model.proof import ProofResult, Provable
from zoffsite.planning.proving import KEPT

ZFS = """\
#!/bin/sh
for name; do :; done
echo "$name" >>{calls}
if test -e {broken} && grep -q "^$name" {broken}; then
    sed -i 1d {broken}
    echo "internal error: signal received" >&2
    exit 1
fi
cat {stream}
"""
STEP = SendStep(to=replace(snap(1), guid=7), base=replace(snap(1), guid=6, name="base"), estimated_bytes=len(STREAM))
EACH = Provable(
    dataset=SOURCE,
    replica=REPLICA,
    ours=STEP,
    theirs=replace(STEP, to=replace(there(1), guid=7)),
    proved=None,
    newest=True,
    missing=KEPT,
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "stream").write_bytes(STREAM[:48] + struct.pack("<Q", 6) + STREAM[56:])
    words = {name: shlex.quote(str(tmp_path / name)) for name in ("stream", "calls", "broken")}
    (tmp_path / "zfs").write_text(ZFS.format(**words))
    (tmp_path / "zfs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    yield tmp_path
    transfers.reset()


def of(place: Path, retries: int = 0) -> Job:
    disk = Disk(pool="vault", guid=1, absent_after=JOB.objective)
    again = Retries(count=retries, first_wait=0.01, longest_wait=0.01)
    return replace(JOB, box=disk, ledger=place / "ledger.sqlite", retries=again)


def prove(job: Job, each: Provable = EACH) -> ProofResult:
    with Connections() as hosts:
        (outcome,) = prove_streams(job, [each], hosts, shown_as=each.dataset, progress=log_progress())
    return outcome.state


def left(job: Job) -> int:
    kept = Ledger(job.ledger, job.name).challenges()
    return kept[EACH.unit].left if EACH.unit in kept else 0


def test_a_line_that_breaks_is_tried_again_as_often_as_the_job_may(place: Path) -> None:
    ended = f"{EACH.theirs.to.full_name}\n"
    (place / "broken").write_text(ended * 2)
    assert prove(of(place, retries=1)) is ProofResult.FAILED
    ledger = Ledger(place / "ledger.sqlite", JOB.name)
    assert ([each.good for each in ledger.history(None, 10)], ledger.alarms()) == ([None], {})
    (place / "broken").write_text(ended * 2)
    assert prove(of(place, retries=2)) is ProofResult.PROVED


def test_challenges_that_could_not_be_made_are_made_when_it_is_proved_again(place: Path) -> None:
    job = of(place)
    (place / "broken").write_text("nothing yet\n")
    assert prove(job, replace(EACH, missing=1)) is ProofResult.PROVED
    assert left(job) == 1
    with Connections() as hosts:
        (place / "broken").write_text(f"{STEP.to.full_name}\n")
        make_challenges(job, replace(EACH, missing=KEPT - 1), hosts, None)
    assert left(job) == 1
    assert prove(job, replace(EACH, missing=KEPT - 1)) is ProofResult.PROVED
    assert left(job) == KEPT


def test_what_another_run_has_asked_meanwhile_is_not_asked_again_and_fails_nothing(place: Path) -> None:
    job = of(place)
    assert prove(job) is ProofResult.PROVED
    ledger = Ledger(job.ledger, job.name)
    planned = replace(EACH, missing=0, challenge=ledger.challenges()[EACH.unit])
    assert prove(job, planned) is ProofResult.PROVED
    asked = (place / "calls").read_text()
    with Connections() as hosts:
        outcomes = prove_streams(job, [planned], hosts, shown_as=SOURCE, progress=log_progress())
    assert (outcomes, list(dataset_proved(SOURCE, outcomes))) == ([], [])
    assert (place / "calls").read_text() == asked
    assert left(job) == KEPT - 1


def test_a_run_that_is_stopped_makes_no_more_challenges_and_says_so(place: Path) -> None:
    with Connections() as hosts:
        transfers.stop_all()
        with pytest.raises(RunInterruptedError):
            make_challenges(of(place), EACH, hosts, None)
    assert not (place / "calls").exists()
