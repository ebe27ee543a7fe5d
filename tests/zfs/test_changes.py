"""When a listing of before still counts, and when it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from zoffsite.model.errors import OperationError
from zoffsite.model.inventory import Inventory
from zoffsite.model.listing import Listed, Listings
from zoffsite.model.snapshots import NO_SNAPSHOTS, Snapshots
from zoffsite.model.version import Snapshot
from zoffsite.zfs.argv import COLUMNS
from zoffsite.zfs.changes import (
    LONGEST,
    RENEWED,
    SETTLED,
    Overview,
    parse_overview,
    remembered,
    unchanged,
    usable,
    whole,
)
from zoffsite.zfs.gathering import Budget

NOW = 1_000_000.0
NUMBERS = ("createtxg", "creation", "written", "used", "available", "referenced")
ONE = Snapshots.of([Snapshot(dataset="tank/a", name="one", guid=5, createtxg=5, creation=5)])
OLD = Listed(identity="7 -", changed="500", since=NOW, at=NOW + SETTLED, snapshots=ONE)
KNOWN = Listings(of="box vault", began=NOW, datasets={"tank/a": OLD})


def overview(changed: str = "500", identity: str = "7 -") -> Overview:
    return Overview(heads={"tank/a": (identity, changed)}, inventory=Inventory(host="box"))


def row(kind: str, name: str, changed: str) -> str:
    values = dict.fromkeys(COLUMNS, "-") | dict.fromkeys(NUMBERS, "1") | {"type": kind, "name": name, "guid": "7"}
    values |= {"encryption": "aes-256-gcm"}
    return "\t".join([*values.values(), changed]) + "\n"


def test_what_has_not_changed_is_not_listed_again() -> None:
    assert unchanged(KNOWN, overview()) == {"tank/a": OLD}


@pytest.mark.parametrize(
    "seen",
    [overview("501"), overview("499"), overview("-"), overview(identity="8 -"), overview(identity="7 tank/b@one")],
)
def test_another_time_or_dataset_or_origin_is_listed_again(seen: Overview) -> None:
    assert unchanged(KNOWN, seen) == {}


def test_what_was_listed_in_the_second_of_a_change_does_not_count_yet() -> None:
    soon = replace(OLD, at=NOW + SETTLED - 0.1)
    assert unchanged(replace(KNOWN, datasets={"tank/a": soon}), overview()) == {}


def test_it_counts_from_the_second_listing_on_that_found_the_same() -> None:
    nothing, seen = Listings(of="box vault", began=NOW), overview()
    first = remembered(nothing, seen, {}, {"tank/a": OLD.snapshots}, NOW)
    assert unchanged(first, seen) == {}
    second = remembered(first, seen, {}, {"tank/a": OLD.snapshots}, NOW + SETTLED)
    assert list(unchanged(second, seen)) == ["tank/a"]


def test_a_clock_of_ours_that_was_set_back_makes_nothing_count() -> None:
    before = remembered(Listings(of="box vault", began=NOW), overview(), {}, {"tank/a": OLD.snapshots}, NOW)
    after = remembered(before, overview(), {}, {"tank/a": OLD.snapshots}, NOW - 100)
    assert unchanged(after, overview()) == {}
    assert usable(KNOWN, KNOWN.of, NOW - 1).datasets == {}


def test_a_host_that_does_not_say_when_is_believed_only_where_nothing_was() -> None:
    listed = replace(OLD, changed="-")
    assert unchanged(replace(KNOWN, datasets={"tank/a": listed}), overview("-")) == {}
    empty = replace(listed, snapshots=NO_SNAPSHOTS)
    assert unchanged(replace(KNOWN, datasets={"tank/a": empty}), overview("-")) == {"tank/a": empty}


def test_after_a_day_all_is_listed_anew_and_of_another_host_at_once() -> None:
    assert usable(KNOWN, KNOWN.of, NOW + RENEWED - 1) is KNOWN
    assert usable(KNOWN, KNOWN.of, NOW + RENEWED).datasets == {}
    assert usable(KNOWN, "another box", NOW).datasets == {}
    assert usable(None, "box", NOW) == Listings(of="box", began=NOW)


SNAPSHOT = row("snapshot", "tank/a@one", "-")


def test_an_overview_is_split_into_the_datasets_and_what_changed() -> None:
    text = row("filesystem", "tank/a", "500") + row("bookmark", "tank/a#b", "-") + row("volume", "tank/v", "-")
    found = parse_overview(text, "box")
    assert found.heads == {"tank/a": ("7 -", "500"), "tank/v": ("7 -", "-")}
    assert list(found.inventory.datasets) == ["tank/a", "tank/v"]
    assert [each.name for each in found.inventory.datasets["tank/a"].bookmarks] == ["b"]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "oh no",
        row("filesystem", "tank/a", "5 0"),
        row("filesystem", "tank/a", ""),
        SNAPSHOT,
    ],
)
def test_an_overview_of_another_shape_is_refused(line: str) -> None:
    with pytest.raises(OperationError) as caught:
        parse_overview(line.rstrip("\n") + "\n", "box")
    assert caught.value.code == "malformed-answer"


def test_an_overview_without_end_is_refused() -> None:
    rows = "".join(row("filesystem", f"tank/{number}", "-") for number in range(1000))
    assert len(parse_overview(rows, "box").heads) == 1000
    with pytest.raises(OperationError, match="more datasets and snapshots than 1 MiB have room for"):
        parse_overview(rows, "box", Budget(1 << 20))


def test_what_is_the_same_and_what_is_fresh_are_one_inventory() -> None:
    seen = parse_overview(row("filesystem", "tank/a", "500") + row("filesystem", "tank/b", "1"), "box")
    fresh = Snapshots.of([Snapshot(dataset="tank/b", name="two", guid=6, createtxg=6, creation=6)])
    found = whole(seen, {"tank/a": OLD}, {"tank/b": fresh})
    assert {name: state.snapshots for name, state in found.datasets.items()} == {"tank/a": ONE, "tank/b": fresh}


def test_too_much_to_remember_is_not_remembered() -> None:
    long = Snapshot(dataset="tank/a", name="x" * (LONGEST // 2), guid=1, createtxg=1, creation=1)
    assert remembered(KNOWN, overview(), {}, {"tank/a": Snapshots.of([long])}, NOW).datasets
    assert remembered(KNOWN, overview(), {}, {"tank/a": Snapshots.of([long, long])}, NOW).datasets == {}
