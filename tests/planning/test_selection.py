"""Which datasets a job is about."""

from __future__ import annotations

import pytest

from zoffsite.model.errors import SettingsError
from zoffsite.model.inventory import Inventory
from zoffsite.model.job import Job
from zoffsite.planning.selection import check_distinct, choose, idle_exclusions, roots_of, vanished

from .make import inventory, job

ALL = inventory("tank", "tank/home", "tank/home/ann", "tank/home/ann/docs", "tank/home/bob", "tank/x y", "tank/homely")


def names(found: Inventory, chosen: Job, *only: str) -> list[str]:
    return [state.dataset.name for state in choose(found, chosen, only)]


def test_an_exact_name_chooses_that_dataset_alone() -> None:
    assert names(ALL, job(datasets=("tank/home",))) == ["tank/home"]


def test_recursive_takes_everything_below_a_match_and_nothing_that_only_begins_alike() -> None:
    assert names(ALL, job(datasets=("tank/home",), recursive=True)) == [
        "tank/home",
        "tank/home/ann",
        "tank/home/ann/docs",
        "tank/home/bob",
    ]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("tank/home/*", ["tank/home/ann", "tank/home/bob"]),
        ("tank/*", ["tank/home", "tank/homely", "tank/x y"]),
        ("*", ["tank"]),
        ("*/home", ["tank/home"]),
        ("tank/home/?nn", ["tank/home/ann"]),
        ("tank/home/[ab]*", ["tank/home/ann", "tank/home/bob"]),
        ("tank/home/[!a]*", ["tank/home/bob"]),
        ("tank/x ?", ["tank/x y"]),
    ],
)
def test_a_wildcard_never_crosses_a_slash(pattern: str, expected: list[str]) -> None:
    assert names(ALL, job(datasets=(pattern,))) == expected


def test_an_exclusion_takes_what_is_below_it_too() -> None:
    chosen = job(datasets=("tank",), recursive=True, exclude=("tank/*/ann", "tank/x y"))
    assert names(ALL, chosen) == ["tank", "tank/home", "tank/home/bob", "tank/homely"]


def test_two_patterns_for_one_dataset_choose_it_once() -> None:
    assert names(ALL, job(datasets=("tank/home", "tank/h*"))) == ["tank/home", "tank/homely"]


def test_every_pattern_without_a_match_is_named() -> None:
    with pytest.raises(SettingsError) as caught:
        choose(ALL, job(datasets=("tank/home", "tank/hoem", "data/*")))
    assert caught.value.code == "nothing-matched"
    assert "tank/hoem, data/*" in caught.value.problem
    assert "tank/home," not in caught.value.problem


KNOWN = {
    "tank/gone": "vault/box/tank:gone",
    "tank/gone/sub": "vault/box/tank:gone:sub",
    "tank/vm/a": "vault/box/tank:vm:a",
}


def test_what_was_backed_up_and_is_gone_stops_no_other_and_is_reported() -> None:
    chosen = job(datasets=("tank/home", "tank/gone", "tank/vm/*"), recursive=True)
    with pytest.raises(SettingsError, match="tank/gone, tank/vm"):
        choose(ALL, chosen)
    assert [state.dataset.name for state in choose(ALL, chosen, known=KNOWN)][:2] == ["tank/home", "tank/home/ann"]
    one, other = vanished(ALL, chosen, KNOWN)
    assert (one.source, one.replica, one.code) == ("tank/gone", "vault/box/tank:gone", "vanished")
    assert "vault/box/tank:gone and 1 more" in one.reason
    assert (other.source, other.replica) == ("tank/vm/*", "vault/box/tank:vm:a")


def test_a_slip_of_the_pen_stays_an_error_beside_it() -> None:
    with pytest.raises(SettingsError) as caught:
        choose(ALL, job(datasets=("tank/home", "tank/gone", "tank/hoem")), known=KNOWN)
    assert "has nothing for tank/hoem," in caught.value.problem


def test_where_nothing_at_all_is_left_it_is_an_error() -> None:
    with pytest.raises(SettingsError, match="nothing for tank/gone"):
        choose(ALL, job(datasets=("tank/gone",)), known=KNOWN)


def test_a_pattern_whose_matches_are_all_excluded_matches_nothing() -> None:
    with pytest.raises(SettingsError, match="all excluded"):
        choose(ALL, job(datasets=("tank/home/ann",), exclude=("tank/home",)))


def test_an_exclusion_that_takes_nothing_out_is_told_in_an_alert() -> None:
    chosen = job(datasets=("tank",), recursive=True, exclude=("tank/hoem/ann", "tank/*/cache", "tank/home/b*"))
    notices = idle_exclusions(chosen, ALL)
    assert [(each.code, each.subject, each.alert) for each in notices] == [
        ("exclusion-matches-nothing", "tank/hoem/ann", True),
        ("exclusion-matches-nothing", "tank/*/cache", True),
    ]
    assert "[job.home]" in notices[0].remedy


def test_an_exclusion_of_what_another_one_takes_out_already_is_no_mistake() -> None:
    assert idle_exclusions(job(datasets=("tank",), exclude=("tank/home", "tank/home/ann")), ALL) == ()


def test_only_narrows_the_job() -> None:
    assert names(ALL, job(datasets=("tank",), recursive=True), "tank/home/bob", "tank") == ["tank", "tank/home/bob"]


def test_only_never_widens_the_job() -> None:
    with pytest.raises(SettingsError) as caught:
        choose(ALL, job(datasets=("tank/home",)), ("tank/homely",))
    assert (caught.value.code, caught.value.subject) == ("unknown-dataset", "tank/homely")
    assert "tank/home" in caught.value.remedy


def test_what_a_drill_has_brought_back_is_backed_up_by_no_job() -> None:
    found = inventory(
        "tank", "tank/zoffsite-drill-home", "tank/zoffsite-drill-home/back", "tank/a/drill", "tank/a/drill/x"
    )
    chosen = job(datasets=("tank",), recursive=True, self_made=("*/zoffsite-drill-*", "tank/a/drill"))
    assert names(found, chosen) == ["tank"]


def test_replicas_on_a_disk_are_backed_up_by_no_job() -> None:
    found = inventory("tank", "tank/home", "usb/zoffsite", "usb/zoffsite/tank:home", "usb/zoffsite/tank:home/x")
    chosen = job(datasets=("*", "*/*"), recursive=True, self_made=("usb/zoffsite",))
    assert names(found, chosen) == ["tank", "tank/home"]


def test_unencrypted_datasets_are_chosen_so_that_they_can_be_refused_by_name() -> None:
    assert names(ALL, job(datasets=("tank/home",))) == ["tank/home"]


@pytest.mark.parametrize(
    ("patterns", "roots"),
    [
        (["tank/home/*", "tank/home/ann/docs", "data"], ("data", "tank/home")),
        (["tank/home", "tank/homely"], ("tank/home", "tank/homely")),
        (["tank", "tank/a/b/c"], ("tank",)),
        (["tank/h?me/x", "tank/a"], ("tank",)),
        (["tank/home", "tank/home"], ("tank/home",)),
        (["*", "tank/home"], ()),
        (["t[ae]nk/x"], ()),
    ],
)
def test_listings_start_from_the_fewest_roots_that_show_every_match(
    patterns: list[str], roots: tuple[str, ...]
) -> None:
    assert roots_of(patterns) == roots


def test_two_datasets_that_would_share_a_replica_are_refused_before_anything_is_sent() -> None:
    check_distinct({"tank/a": "v/tank:a", "tank/b": "v/tank:b"})
    with pytest.raises(SettingsError) as caught:
        check_distinct({"tank/a/b": "v/tank:a:b", "tank/a:b": "v/tank:a:b"})
    assert caught.value.code == "replica-name-clash"
    assert "tank/a/b" in caught.value.subject
    assert "tank/a:b" in caught.value.subject
