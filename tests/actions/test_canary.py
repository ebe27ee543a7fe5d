"""What is written into the canary, with a `zfs` that only knows where it is mounted."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.planning.make import dataset, job, snap, source
from zoffsite.actions.canary import Canary, remember_canary, write_canary
from zoffsite.hosts.connections import Connections
from zoffsite.ledger import Ledger
from zoffsite.model.inventory import Inventory
from zoffsite.model.job import DrillRule, Job, SnapshotWhen
from zoffsite.model.work import SourceFacts
from zoffsite.planning.canary import DATA, FILE

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
NAME = "tank/home"
RUN = "home-20261123T025958Z"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin/zfs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho {tmp_path}/mounted\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    (tmp_path / "mounted").mkdir()
    return tmp_path / "mounted"


@pytest.fixture
def made(tmp_path: Path) -> Job:
    return job(drill=DrillRule(canary=NAME), ledger=tmp_path / "ledger.sqlite")


def facts(*, mounted: bool = True) -> SourceFacts:
    state = replace(source(snap(1), snap(2)), dataset=dataset(NAME, mounted=mounted))
    inventory = Inventory(host="here", datasets={NAME: state})
    return SourceFacts(inventory=inventory, chosen=(state,), to_snapshot=(snap(2).full_name,))


def write(made: Job, seen: SourceFacts) -> Canary:
    with Connections() as hosts:
        return write_canary(made, seen, hosts, RUN, NOW)


def test_each_run_writes_which_it_is_when_and_what_nobody_knew_with_its_hash(made: Job, place: Path) -> None:
    nonces, contents = set(), set()
    for _ in range(2):
        canary = write(made, facts())
        text = (place / FILE).read_text()
        said = json.loads(text)
        assert (said["run"], said["time"]) == (RUN, "2026-11-23T03:00:00Z")
        assert canary.sha256 == hashlib.sha256(text.encode()).hexdigest()
        assert canary.touched == {NAME}
        beside = (place / DATA).read_bytes()
        assert (said["files"], len(beside)) == ({DATA: hashlib.sha256(beside).hexdigest()}, 8192)
        nonces.add(said["nonce"])
        contents.add(beside)
    assert (len(nonces), len(contents)) == (2, 2)
    assert {each.name for each in place.iterdir()} == {FILE, DATA}


def test_the_ledger_knows_which_snapshot_holds_it(made: Job, place: Path) -> None:
    canary = write(made, facts())
    remember_canary(made, facts(), canary)
    assert Ledger(made.ledger, "home").canary(snap(2).guid) == canary.sha256
    assert Ledger(made.ledger, "home").canary(snap(1).guid) is None


def test_a_snapshot_that_this_run_did_not_take_is_not_said_to_hold_it(made: Job, place: Path) -> None:
    remember_canary(made, replace(facts(), to_snapshot=()), write(made, facts()))
    assert Ledger(made.ledger, "home").canary(snap(2).guid) is None


@pytest.mark.parametrize("gone", [True, False])
def test_a_canary_that_cannot_be_written_is_an_alert_and_stops_nothing(made: Job, place: Path, gone: bool) -> None:
    if gone:
        place.rmdir()
    canary = write(made, facts(mounted=gone))
    assert canary.dataset is None
    (notice,) = canary.notices
    assert (notice.code, notice.alert) == ("canary-not-written", True)


def test_nothing_is_written_where_no_snapshot_is_taken_or_the_run_is_about_others(made: Job, place: Path) -> None:
    assert write(replace(made, snapshot_when=SnapshotWhen.NEVER), facts()) == Canary()
    assert write(made, replace(facts(), chosen=())) == Canary()
    assert write(replace(made, drill=DrillRule()), facts()) == Canary()
    assert list(place.iterdir()) == []
