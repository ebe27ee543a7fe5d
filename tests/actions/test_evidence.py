"""What is known of the replicas, with the box and without it: a real ledger, a listing made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.planning.make import job
from tests.views.values import ERROR, GOOD, REPLICA, STATUS
from zoffsite.actions.evidence import confidence
from zoffsite.actions.memory import ledger_of, remember_verified
from zoffsite.model.evidence import Evidence, Recovery
from zoffsite.model.job import Job
from zoffsite.model.status import JobStatus


def with_ledger(tmp_path: Path) -> Job:
    made = job(ledger=tmp_path / "ledger.sqlite")
    ledger_of(made).looked({})
    return made


def away(later: timedelta) -> JobStatus:
    return replace(STATUS, when=STATUS.when + later, replicas=())


def test_while_the_box_is_away_what_was_seen_last_is_shown_of_each_dataset(tmp_path: Path) -> None:
    made = with_ledger(tmp_path)
    there = replace(STATUS, replicas=(replace(REPLICA, referenced=300),))
    seen = confidence(made, there)
    assert seen.evidence[REPLICA.source].verified == STATUS.when
    assert confidence(made, away(timedelta(days=3))) == seen
    assert seen.recovery == Recovery(bytes=300)


def test_a_replica_in_which_something_is_wrong_was_last_verified_when_it_was_good(tmp_path: Path) -> None:
    made = with_ledger(tmp_path)
    confidence(made, replace(STATUS, replicas=(REPLICA,)))
    later = STATUS.when + timedelta(days=1)
    bad = replace(STATUS, when=later, replicas=(replace(REPLICA, error=ERROR),))
    for found in (bad, away(timedelta(days=2))):
        assert confidence(made, found).evidence[REPLICA.source] == Evidence(verified=STATUS.when)


def test_a_run_that_verified_counts_though_nobody_asked_for_the_status(tmp_path: Path) -> None:
    made = with_ledger(tmp_path)
    outcome = replace(GOOD.datasets[0], verified=True)
    remember_verified(made, replace(GOOD, datasets=(outcome,)))
    assert confidence(made, away(timedelta())).evidence == {outcome.source: Evidence(verified=GOOD.started)}


def test_without_a_ledger_none_is_made_by_looking(tmp_path: Path) -> None:
    made = job(ledger=tmp_path / "ledger.sqlite")
    assert confidence(made, STATUS).evidence
    assert not made.ledger.exists()
