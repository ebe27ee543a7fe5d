from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.planning.make_drill import drillable
from zoffsite.ledger import Ledger
from zoffsite.model.drill import DrillOutcome, DrillResult, Speed
from zoffsite.model.evidence import LastLook
from zoffsite.model.memory import Remembered, SentSnapshot

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite", "home")


def outcome(name: str, state: DrillResult, days: int, recovery: float | None = 2.0) -> DrillOutcome:
    return DrillOutcome(
        drillable=drillable(name), state=state, when=NOW + timedelta(days=days), bytes=1000, recovery=recovery
    )


def sent(count: int, seconds: float) -> SentSnapshot:
    return SentSnapshot(
        dataset="tank/a",
        dataset_guid=1,
        replica="vault/a",
        name="s",
        guid=count,
        base_guid=None,
        written=count,
        bytes=count,
        seconds=seconds,
        when=NOW,
        key="k",
    )


def test_the_last_drill_of_each_dataset_is_remembered_good_or_bad_and_a_failed_one_as_a_turn(ledger: Ledger) -> None:
    assert ledger.drilled() == {}
    ledger.add_drill(outcome("tank/a", DrillResult.PASSED, 1))
    ledger.add_drill(outcome("tank/b", DrillResult.PASSED, 2))
    ledger.add_drill(outcome("tank/a", DrillResult.DIFFERENT, 3, recovery=None))
    ledger.add_drill(outcome("tank/b", DrillResult.FAILED, 4, recovery=None))
    assert ledger.turns() == {"tank/a": NOW + timedelta(days=3), "tank/b": NOW + timedelta(days=4)}
    last = ledger.drilled()
    assert (last["tank/a"].passed, last["tank/a"].when) == (False, NOW + timedelta(days=3))
    assert (last["tank/b"].passed, last["tank/b"].seconds, last["tank/b"].bytes) == (True, 2.0, 1000)
    assert Ledger(ledger.path, "other").drilled() == {}


def test_what_the_last_look_found_is_remembered_with_what_nobody_can_prove(ledger: Ledger) -> None:
    found = {"tank/a": LastLook(verified=NOW, proved=NOW, beyond=16, bytes=5), "tank/b": LastLook()}
    ledger.looked(found)
    assert ledger.last_looks() == found


def test_the_turn_of_a_renamed_dataset_goes_with_it(ledger: Ledger) -> None:
    ledger.add_drill(outcome("tank/a", DrillResult.PASSED, 1))
    ledger.verified(["tank/a"], NOW)
    ledger.renamed(Remembered(dataset="tank/a", replica="r/a"), "tank/b", "r/b")
    assert ledger.turns() == {"tank/b": NOW + timedelta(days=1)}
    assert set(ledger.last_looks()) == {"tank/b"}


def test_the_speed_is_that_of_good_drills_and_that_of_sends_only_before_the_first(ledger: Ledger) -> None:
    assert ledger.speed(1000) is None
    ledger.add(sent(3000, 1.0))
    ledger.add(sent(1000, 3.0))
    assert ledger.speed(1000) == Speed(rate=1000.0, by="sends")
    ledger.add_drill(outcome("tank/a", DrillResult.DIFFERENT, 1, recovery=1.0))
    assert ledger.speed(1000) == Speed(rate=1000.0, by="sends")
    ledger.add_drill(outcome("tank/a", DrillResult.PASSED, 2))
    assert ledger.speed(1000) == Speed(rate=500.0, by="drills")


def test_what_is_small_beside_all_that_comes_back_says_nothing_of_the_speed(ledger: Ledger) -> None:
    for day in range(40):
        ledger.add_drill(outcome("tank/canary", DrillResult.PASSED, day))
    assert ledger.speed(10**12) is None
    ledger.add(sent(10**9, 10.0))
    assert ledger.speed(10**12) == Speed(rate=10**8, by="sends")
    ledger.add_drill(replace(outcome("tank/a", DrillResult.PASSED, 41), bytes=10**9, recovery=20.0))
    for day in range(40):
        ledger.add_drill(outcome("tank/canary", DrillResult.PASSED, day))
    assert ledger.speed(10**12) == Speed(rate=10**9 / 20, by="drills")


def test_a_canary_is_known_by_the_guid_of_its_snapshot(ledger: Ledger) -> None:
    assert ledger.canary(2**64 - 1) is None
    ledger.wrote_canary(2**64 - 1, "ab")
    assert ledger.canary(2**64 - 1) == "ab"
    assert ledger.canary(5) is None
