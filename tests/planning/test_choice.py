"""A dataset's own word: the user property `zoffsite:backup`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from zoffsite.model.errors import SettingsError
from zoffsite.model.inventory import DatasetState, Inventory
from zoffsite.model.job import Job
from zoffsite.model.plan import FullSend, Refused
from zoffsite.planning.selection import choose
from zoffsite.planning.sends import plan_sends
from zoffsite.planning.snapshots import to_snapshot

from .make import REPLICA, dataset, job, snap, source

BY_PROPERTY = job(datasets=(), by_property=True, siblings=("home", "usb"))
BY_NAME = job(datasets=("tank",), recursive=True, siblings=("home", "usb"))


def world(**choices: str) -> Inventory:
    """tank, and below it a dataset for each choice."""
    states = {"tank": DatasetState(dataset=dataset("tank"))}
    for name, choice in choices.items():
        states[f"tank/{name}"] = DatasetState(dataset=dataset(f"tank/{name}", choice=choice))
    return Inventory(host="nas", datasets=states)


def names(found: Inventory, chosen: Job) -> list[str]:
    return [state.dataset.name for state in choose(found, chosen)]


CHOICES = {"a_on": "on", "b_off": "off", "c_ours": "home", "d_both": "usb,home", "e_other": "usb", "f_none": ""}


def test_a_job_by_property_takes_what_asks_for_all_jobs_or_for_it() -> None:
    assert names(world(**CHOICES), BY_PROPERTY) == ["tank/a_on", "tank/c_ours", "tank/d_both"]


def test_off_and_the_names_of_other_jobs_take_a_dataset_out_wherever_patterns_would_take_it() -> None:
    assert names(world(**CHOICES), BY_NAME) == ["tank", "tank/a_on", "tank/c_ours", "tank/d_both", "tank/f_none"]


def test_patterns_and_properties_add_up() -> None:
    both = replace(BY_PROPERTY, datasets=("tank/f_none", "tank/a_on"))
    assert names(world(**CHOICES), both) == ["tank/a_on", "tank/c_ours", "tank/d_both", "tank/f_none"]


def test_an_exclusion_wins_over_every_choice() -> None:
    without = replace(BY_PROPERTY, exclude=("tank/a_on", "tank/d*"))
    assert names(world(**CHOICES), without) == ["tank/c_ours"]


def test_a_job_that_nothing_asks_for_is_a_mistake_that_says_how_to_ask() -> None:
    with pytest.raises(SettingsError) as caught:
        choose(world(a="off", b="usb", c=""), BY_PROPERTY)
    assert caught.value.code == "nothing-matched"
    assert "zfs set zoffsite:backup=home DATASET" in caught.value.remedy


def test_a_pattern_whose_only_match_says_off_matches_nothing() -> None:
    with pytest.raises(SettingsError, match="nothing for tank/b, or it is all excluded"):
        choose(world(b="off"), job(datasets=("tank/b",)))


@pytest.mark.parametrize(
    "choice", ["yes", "no", "false", "ON", "homee", "usb,homee", "usb,", "on,usb", "off,usb", ",", " "]
)
def test_a_choice_that_nobody_can_read_is_refused_by_name_and_not_left_out(choice: str) -> None:
    for chosen in (BY_NAME, BY_PROPERTY):
        (state,) = [each for each in choose(world(odd=choice), chosen) if each.dataset.name == "tank/odd"]
        plan = plan_sends(chosen, state, None, None, REPLICA)
        assert isinstance(plan, Refused)
        assert (plan.source, plan.code) == ("tank/odd", "bad-choice")
        assert f'"{choice}"' in plan.reason
        assert "zfs set zoffsite:backup=on tank/odd" in plan.remedy
        assert "zfs inherit zoffsite:backup tank/odd" in plan.remedy
        assert to_snapshot(chosen, [state], datetime(2026, 11, 22, tzinfo=UTC)) == ()


def test_a_mistake_in_a_dataset_that_the_job_is_not_about_is_nothing_to_it() -> None:
    assert names(world(odd="yes"), job(datasets=("tank",), recursive=False)) == ["tank"]
    assert names(world(odd="yes", good="on"), replace(BY_PROPERTY, exclude=("tank/odd",))) == ["tank/good"]


def test_a_list_that_names_this_job_may_name_jobs_of_other_settings_too() -> None:
    assert names(world(a="elsewhere, home"), BY_PROPERTY) == ["tank/a"]


def test_a_dataset_that_asks_is_sent_like_any_other() -> None:
    assert isinstance(plan_sends(BY_PROPERTY, source(snap(1), choice="on"), None, None, REPLICA), FullSend)
