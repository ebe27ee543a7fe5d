"""How a job stands while its source is away: by the box alone, and the ledger where this machine has one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from tests.planning.make import JOB, NOON, there
from tests.planning.make import replica as state
from tests.views.values import REPLICA, STATUS
from zoffsite.actions.evidence import confidence
from zoffsite.actions.memory import ledger_of
from zoffsite.actions.overview import overview
from zoffsite.config.settings import Settings
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.endpoint import Box, Source
from zoffsite.model.checkup import Word
from zoffsite.model.errors import UnreachableError
from zoffsite.model.inventory import DatasetState, Inventory
from zoffsite.model.job import Job
from zoffsite.model.overview import Overview
from zoffsite.model.status import Freshness

TAKEN = datetime.fromtimestamp(NOON + 86400, UTC)
NOW = TAKEN + timedelta(hours=30)


def gone(side: str) -> UnreachableError:
    return UnreachableError("connect to", side, "no answer", "look at its power", code="no-answer")


@dataclass
class _Hosts(Connections):
    """A source that is away, and a box with this below its root; None: it is away, too."""

    there: Mapping[str, DatasetState] | None
    asked: list[str] = field(default_factory=list)

    def source_of(self, job: Job) -> Source:
        raise gone("nas")

    def box_of(self, job: Job) -> Box:
        return cast(Box, self)

    def inventory(self, root: str) -> Inventory:
        self.asked.append(root)
        if self.there is None:
            raise gone("friend")
        return Inventory(host="friend", datasets={root: state(name=root), **self.there})


def look(tmp_path: Path, box: Mapping[str, DatasetState] | None, job: Job = JOB) -> Overview:
    hosts = _Hosts(box and {f"{job.root}/{name}": each for name, each in box.items()})
    settings = Settings(file=tmp_path / "zoffsite.toml", state_dir=tmp_path, jobs={"home": job})
    seen = overview(settings, replace(job, ledger=tmp_path / "ledger"), hosts, NOW)
    assert hosts.asked == [job.root], "one listing"
    return seen


def test_with_the_source_gone_every_replica_is_judged_by_the_box_and_the_absence_is_said(tmp_path: Path) -> None:
    job = replace(JOB, objectives=(("tank/home/old", timedelta(hours=10)),), recursive=True, reserve=10)
    found = look(tmp_path, {"tank:home": state(there(1)), "tank:home:old": state(there(1))}, job)
    assert [(each.source, each.as_of, each.freshness, each.word) for each in found.status.replicas] == [
        ("tank/home", TAKEN, Freshness.WARNING, Word.BOX),
        ("tank/home/old", TAKEN, Freshness.CRITICAL, Word.BOX),
    ]
    assert found.error is not None
    assert (found.error.code, found.error_exit) == ("no-answer", 3)
    assert "nas" in found.error.message
    assert (found.capacity.free, found.good) == (10**9 - 10, False)


def test_a_time_in_the_future_is_none(tmp_path: Path) -> None:
    late = int((NOW + timedelta(days=1)).timestamp())
    (replica,) = look(tmp_path, {"tank:home": state(there(1, creation=late))}).status.replicas
    assert (replica.newest, replica.taken, replica.as_of) == (there(1).name, None, None)
    assert replica.freshness is Freshness.CRITICAL


def test_what_the_job_names_and_the_box_does_not_have_is_missed(tmp_path: Path) -> None:
    (replica,) = look(tmp_path, {}).status.replicas
    assert (replica.source, replica.newest, replica.freshness) == ("tank/home", None, Freshness.CRITICAL)


def test_what_the_settings_have_left_is_no_trouble_while_all_else_below_the_root_is_shown(tmp_path: Path) -> None:
    job = replace(JOB, datasets=("tank/*",), exclude=("tank/scratch",), replicas=(("tank/a:b", "odd"),))
    box = dict.fromkeys(("tank:home", "tank:scratch", "tank:home:inside", "old:pool", "odd"), state(there(1)))
    assert sources(look(tmp_path, box, job)) == ["tank/a:b", "tank/home"]
    asking = replace(job, datasets=(), by_property=True)
    assert sources(look(tmp_path, box, asking)) == ["old/pool", "tank/a:b", "tank/home", "tank/home/inside"]


def sources(found: Overview) -> list[str]:
    return [each.source for each in found.status.replicas]


def test_where_neither_answers_nothing_is_known_and_it_is_the_source_that_is_named(tmp_path: Path) -> None:
    found = look(tmp_path, None)
    assert found.status.replicas == ()
    assert found.error is not None
    assert "nas" in found.error.message


def test_the_word_of_the_box_verifies_nothing(tmp_path: Path) -> None:
    job = replace(JOB, ledger=tmp_path / "ledger")
    ledger_of(job).looked({})
    seen = confidence(job, replace(STATUS, replicas=(REPLICA,)))
    later = replace(STATUS, when=STATUS.when + timedelta(days=3), replicas=(replace(REPLICA, word=Word.BOX),))
    assert confidence(job, later) == seen
    assert confidence(job, replace(later, replicas=())) == seen


@pytest.mark.parametrize("word", list(Word))
def test_only_what_was_verified_is_good(word: Word) -> None:
    assert replace(REPLICA, word=word).good is (word is Word.OWN)
