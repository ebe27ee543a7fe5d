"""Which hooks run, and for which datasets."""

from __future__ import annotations

import pytest

from zoffsite.model.errors import SettingsError
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Hook
from zoffsite.model.plan import Conflict
from zoffsite.planning.hooks import check_hooks, plan_hooks

from .make import dataset, job


def hook(*patterns: str) -> Hook:
    return Hook(datasets=patterns, before=("freeze",), after=("thaw",), timeout=60.0)


def states(*names: str, **changes: str) -> list[DatasetState]:
    return [DatasetState(dataset=dataset(name, **changes)) for name in names]


DB, LOGS, HOME = "tank/db", "tank/db/logs", "tank/home"


def test_a_hook_is_about_what_its_patterns_match_and_all_below() -> None:
    (plan,) = plan_hooks(job(hooks=(hook("tank/d*"),)), states(DB, LOGS, HOME))
    assert plan.datasets == (DB, LOGS)


def test_hooks_keep_their_order_and_those_of_datasets_that_this_run_is_not_about_are_not_run() -> None:
    hooks = (hook(HOME), hook("tank/mail"), hook(DB))
    plans = plan_hooks(job(hooks=hooks), states(DB, HOME))
    assert [plan.hook for plan in plans] == [hooks[0], hooks[2]]


def test_a_dataset_that_will_be_refused_needs_no_hook() -> None:
    assert plan_hooks(job(hooks=(hook(DB),)), states(DB, encryption="off")) == ()
    assert plan_hooks(job(hooks=(hook(DB),)), states(DB, choice="yes")) == ()


def test_a_pattern_of_a_hook_that_matches_no_dataset_of_the_job_is_a_mistake() -> None:
    check_hooks(job(hooks=(hook(DB), hook(HOME))), states(DB, LOGS, HOME))
    with pytest.raises(SettingsError) as caught:
        check_hooks(job(hooks=(hook(DB, "tank/dbb"), hook("tank/x/*"))), states(DB, LOGS, HOME))
    assert caught.value.code == "hook-matches-nothing"
    assert "tank/dbb, tank/x/*" in caught.value.problem


def test_a_hook_of_what_is_gone_stops_no_other() -> None:
    gone = [Conflict(source="tank/gone", replica="r", code="vanished", reason="", remedy="")]
    hooks = (hook(DB), hook("tank/gone", "tank/gone/db", "tank/g*"))
    check_hooks(job(hooks=hooks), states(DB), gone)
    with pytest.raises(SettingsError):
        check_hooks(job(hooks=hooks), states(DB))
