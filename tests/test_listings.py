"""What a host listed last is kept; a broken file costs a listing, nothing else."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from tests.planning.make import job as make_job
from zoffsite.listings import forget_listings, keep_listings, recall_listings
from zoffsite.model.job import Job
from zoffsite.model.listing import Listed, Listings
from zoffsite.model.plan import Side
from zoffsite.model.snapshots import NO_SNAPSHOTS, Snapshots
from zoffsite.model.version import Snapshot

TWO = Snapshots.of(
    Snapshot(dataset="tank/a", name=name, guid=2**64 - number, createtxg=number, creation=7, holds=number, cloned=True)
    for number, name in enumerate(("one", "two"), 1)
)
KNOWN = Listings(
    of="box vault",
    began=1.5,
    datasets={"tank/a": Listed(identity="7 -", changed="500", since=2.5, at=5.0, snapshots=TWO)},
)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return replace(make_job(), ledger=tmp_path / "ledger.sqlite")


def test_what_was_kept_is_recalled_for_its_own_side(job: Job) -> None:
    keep_listings(job, Side.BOX, KNOWN, None)
    assert recall_listings(job, Side.BOX) == KNOWN
    assert recall_listings(job, Side.SOURCE) is None
    keep_listings(job, Side.BOX, replace(KNOWN, unable=True, datasets={}), KNOWN)
    assert recall_listings(job, Side.BOX) == replace(KNOWN, unable=True, datasets={})


def test_after_a_killed_run_nothing_is_recalled(job: Job) -> None:
    keep_listings(job, Side.BOX, KNOWN, None)
    forget_listings(job)
    assert recall_listings(job, Side.BOX) is None
    forget_listings(job)


def file_of(job: Job) -> Path:
    (path,) = (job.ledger.parent / "listings").iterdir()
    return path


@pytest.mark.parametrize("text", ["", "no database", "SQLite format 3\0"])
def test_a_broken_file_is_as_good_as_none_and_replaced(job: Job, text: str) -> None:
    keep_listings(job, Side.BOX, KNOWN, None)
    file_of(job).write_text(text)
    assert recall_listings(job, Side.BOX) is None
    keep_listings(job, Side.BOX, KNOWN, None)
    assert recall_listings(job, Side.BOX) == KNOWN


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE host SET format = format || ' '",
        "DELETE FROM host",
        "DROP TABLE listed",
        "UPDATE listed SET numbers = substr(numbers, 2)",
        "UPDATE listed SET numbers = numbers || x'00'",
        "UPDATE listed SET snapshots = 'one'",
        "UPDATE listed SET numbers = NULL",
    ],
)
def test_what_is_not_as_we_write_it_is_as_good_as_none(job: Job, change: str) -> None:
    keep_listings(job, Side.BOX, KNOWN, None)
    with contextlib.closing(sqlite3.connect(file_of(job), isolation_level=None)) as db:
        db.execute(change)
    assert recall_listings(job, Side.BOX) is None


def test_only_what_has_changed_is_written(job: Job) -> None:
    other = Listed(identity="8 -", changed="1", since=1.0, at=1.0, snapshots=NO_SNAPSHOTS)
    keep_listings(job, Side.BOX, replace(KNOWN, datasets={**KNOWN.datasets, "tank/b": other, "tank/c": other}), None)
    known = recall_listings(job, Side.BOX)
    assert known is not None
    with contextlib.closing(sqlite3.connect(file_of(job), isolation_level=None)) as db:
        db.execute(
            "CREATE TRIGGER untouched BEFORE INSERT ON listed WHEN new.name <> 'tank/b'"
            " BEGIN SELECT raise(ABORT, 'written anew'); END"
        )
    later = replace(known, datasets={"tank/a": known.datasets["tank/a"], "tank/b": replace(other, changed="2")})
    keep_listings(job, Side.BOX, later, known)
    assert recall_listings(job, Side.BOX) == later


def test_what_a_killed_run_left_half_written_never_meets_another_file(job: Job) -> None:
    keep_listings(job, Side.BOX, KNOWN, None)
    journal = file_of(job).with_name(f"{file_of(job).name}-journal")
    journal.write_text("left")
    forget_listings(job)
    assert list(journal.parent.iterdir()) == []


def test_it_is_kept_from_other_users(job: Job) -> None:
    keep_listings(job, Side.BOX, KNOWN, None)
    folder = job.ledger.parent / "listings"
    assert [path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())] == [0o700, 0o600]
