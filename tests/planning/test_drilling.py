from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from zoffsite.model.dataset import Kind
from zoffsite.model.drill import Comparison, Difference
from zoffsite.model.errors import OperationError, SafetyError
from zoffsite.model.job import DrillRule
from zoffsite.planning.canary import canary_text, digest_of
from zoffsite.planning.drilling import (
    choose,
    drillable,
    is_for_drills,
    key_file,
    notices_of,
    scratch_of,
    unknown_canary,
    verdict,
)

from .make import job, replica, snap, source, there
from .make_drill import drillable as made

NOW = datetime(2026, 11, 23, tzinfo=UTC)
WHOLE = Comparison(entries=3, bytes=5, differ=0, first=())
JOB = job()


def test_the_one_drilled_longest_ago_has_its_turn_and_one_never_drilled_comes_first() -> None:
    days = {"tank/a": 3, "tank/b": 9, "tank/c": 5}
    found = [made(name, drilled=NOW - timedelta(days=ago)) for name, ago in days.items()]
    assert [each.dataset for each in choose(JOB, found).chosen] == ["tank/b"]
    assert [each.dataset for each in choose(JOB, [*found, made("tank/z")]).chosen] == ["tank/z"]
    assert choose(JOB, found).others == 2


def test_turn_by_turn_every_dataset_is_drilled() -> None:
    last: dict[str, datetime | None] = dict.fromkeys(["tank/a", "tank/b", "tank/c", "tank/d"])
    for day in range(len(last)):
        (one,) = choose(JOB, [made(name, drilled=when) for name, when in last.items()]).chosen
        assert last[one.dataset] is None
        last[one.dataset] = NOW + timedelta(days=day)
    assert None not in last.values()


def test_a_plan_names_all_that_have_turns_also_what_cannot_be_drilled() -> None:
    found = [made("tank/a", drilled=NOW), made("tank/b")]
    plan = choose(JOB, found, nothing_there=["tank/c"], foreign=[("tank/d", "vault/box/tank:d")])
    assert plan.members == {"tank/a", "tank/b", "tank/c", "tank/d"}


def test_what_was_asked_for_is_drilled_whenever_it_was_drilled() -> None:
    found = [made("tank/a", drilled=NOW), made("tank/b")]
    assert len(choose(JOB, found, asked=("tank/a", "tank/b")).chosen) == 2


def test_nothing_to_drill_is_a_plan_too() -> None:
    plan = choose(JOB, [], nothing_there=["tank/a"])
    assert (plan.chosen, plan.others, plan.nothing_there) == ((), 0, ("tank/a",))


def test_the_newest_snapshot_that_both_have_by_guid_comes_back_by_its_name_on_the_box() -> None:
    box = replica(there(1), replace(there(2), name="renamed"))
    found = drillable(source(snap(1), snap(2), snap(3)), box, {})
    assert found is not None
    assert (found.ours.guid, found.ours.name, found.theirs.name) == (snap(2).guid, snap(2).name, "renamed")


def test_without_a_shared_snapshot_nothing_can_be_drilled() -> None:
    assert drillable(source(snap(1)), replica(there(2)), {}) is None


def test_its_last_turn_is_known_by_the_name_on_the_source() -> None:
    ours = source(snap(1))
    found = drillable(ours, replica(there(1)), {ours.dataset.name: NOW, "tank/other": NOW + timedelta(days=1)})
    assert found is not None
    assert found.drilled == NOW


def test_a_rule_that_fits_no_dataset_is_an_alert() -> None:
    (notice,) = notices_of(JOB, choose(JOB, []))
    assert (notice.code, notice.alert) == ("nothing-to-drill", True)
    assert notices_of(JOB, choose(JOB, [made()])) == ()


def test_only_what_the_settings_name_has_turns() -> None:
    assert is_for_drills(JOB, "tank/home")
    chosen = replace(JOB, drill=DrillRule(datasets=("tank/*",)))
    assert is_for_drills(chosen, "tank/home")
    assert not is_for_drills(chosen, "other/home")


@pytest.mark.parametrize("named", [(), ("tank/a", "tank/b")])
def test_every_drill_brings_the_canary_back_whatever_else_has_its_turn(named: tuple[str, ...]) -> None:
    chosen = replace(JOB, drill=DrillRule(datasets=named, canary="tank/canary"))
    assert is_for_drills(chosen, "tank/canary")
    found = [made("tank/a"), made("tank/b"), made("tank/canary", drilled=NOW)]
    plan = choose(chosen, found)
    assert ([each.dataset for each in plan.chosen], plan.others) == (["tank/canary", "tank/a"], 1)
    assert notices_of(chosen, plan) == ()
    assert [each.dataset for each in choose(chosen, found[1:2], asked=("tank/b",)).chosen] == ["tank/b"]


def test_a_rule_that_fits_no_dataset_is_an_alert_though_the_canary_is_drilled() -> None:
    chosen = replace(JOB, drill=DrillRule(datasets=("tank/typo",), canary="tank/canary"))
    canary = made("tank/canary")
    (notice,) = notices_of(chosen, choose(chosen, [canary]))
    assert (notice.code, notice.alert) == ("nothing-to-drill", True)
    assert notices_of(chosen, choose(chosen, [canary], asked=("tank/canary",))) == ()
    alone = replace(JOB, drill=DrillRule(canary="tank/canary"))
    assert notices_of(alone, choose(alone, [canary])) == ()


def test_the_scratch_is_in_the_pool_of_the_dataset_unless_the_settings_say_otherwise() -> None:
    assert scratch_of(JOB, made("tank/a")) == "tank/zoffsite-drill-home"
    elsewhere = replace(JOB, drill=DrillRule(scratch="fast/drill"))
    assert scratch_of(elsewhere, made("tank/a")) == "fast/drill"
    with pytest.raises(OperationError) as caught:
        scratch_of(elsewhere, made("tank/a", kind=Kind.VOLUME))
    assert caught.value.code == "scratch-elsewhere"


def test_the_key_is_read_where_the_settings_say_else_where_the_dataset_says() -> None:
    own = "file:///root/keys/tank"
    assert key_file(JOB, made(), own) == "/root/keys/tank"
    assert key_file(JOB, made(), "prompt") is None
    assert key_file(JOB, made(), "https://keys.example.org/tank") is None
    named = replace(JOB, drill=DrillRule(key_files=(("tank", "/root/other"), ("tank/x", "/root/no"))))
    assert key_file(named, made(), own) == "/root/other"


def test_what_came_back_whole_is_no_error() -> None:
    assert verdict(JOB, made(), WHOLE, None, NOW) is None


def test_a_difference_is_an_alarm_that_names_the_first_files() -> None:
    first = tuple(Difference(path=f"f{number}", what="it is missing") for number in range(7))
    error = verdict(JOB, made(), replace(WHOLE, differ=70, first=first), None, NOW)
    assert isinstance(error, SafetyError)
    assert error.code == "drill-failed"
    assert "70 files are not what the source has: f0 (it is missing); f1" in error.problem
    assert "f5" not in error.problem


def test_what_the_source_cannot_read_itself_is_no_alarm_but_nobody_knows() -> None:
    error = verdict(JOB, made(), replace(WHOLE, unread=1, first_unread=(Difference(path="f", what="EIO"),)), None, NOW)
    assert type(error) is OperationError
    assert error.code == "source-unreadable"


@pytest.mark.parametrize("told", ["", digest_of("another")])
def test_a_canary_that_is_not_the_one_of_that_snapshot_is_an_alarm(told: str) -> None:
    written = digest_of(canary_text("home-x", NOW, b"n" * 32, {}))
    assert verdict(JOB, made(), replace(WHOLE, told=written), written, NOW) is None
    error = verdict(JOB, made(), replace(WHOLE, told=told), written, NOW)
    assert isinstance(error, SafetyError)
    assert "canary" in error.problem


def test_a_canary_older_than_the_objective_fails_the_drill_though_it_came_back_whole() -> None:
    with_canary = replace(JOB, drill=DrillRule(canary="tank/home"), objective=timedelta(hours=26))
    taken = int((NOW - timedelta(hours=25)).timestamp())
    each = replace(made(), ours=replace(made().ours, creation=taken))
    whole = replace(WHOLE, told="ab")
    assert verdict(with_canary, each, whole, "ab", NOW) is None
    later = NOW + timedelta(hours=2)
    error = verdict(with_canary, each, whole, "ab", later)
    assert type(error) is OperationError
    assert (error.code, "2026-11-21 23:00 UTC" in error.problem) == ("canary-stale", True)
    assert verdict(with_canary, each, whole, None, later) is not None
    assert verdict(replace(with_canary, objectives=(("tank", timedelta(days=7)),)), each, whole, "ab", later) is None
    assert verdict(with_canary, replace(each, dataset="tank/other"), whole, None, later) is None


def test_a_canary_of_which_the_ledger_knows_nothing_is_said_to_be() -> None:
    with_canary = replace(JOB, drill=DrillRule(canary="tank/home"))
    notice = unknown_canary(with_canary, made(), None)
    assert notice is not None
    assert notice.code == "canary-unknown"
    assert unknown_canary(with_canary, made(), "ab") is None
    assert unknown_canary(with_canary, made("tank/other"), None) is None


def test_no_two_canaries_are_alike() -> None:
    assert canary_text("home-x", NOW, b"a" * 32, {}) != canary_text("home-x", NOW, b"b" * 32, {})
