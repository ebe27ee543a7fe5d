"""How a run is called in a list of many."""

from __future__ import annotations

from dataclasses import replace

from tests.views.values import PARTIAL, PLAN
from zoffsite.model.plan import UpToDate
from zoffsite.views.titles import plan_title, report_title


def test_a_backup_is_called_after_its_plan() -> None:
    assert plan_title(PLAN) == "home: 1 full, 1 incremental, 1 resume, 1 conflict, 1 refused, 4.0 KiB"


def test_a_plan_without_anything_to_send_says_so() -> None:
    same = [each for each in PLAN.datasets if isinstance(each, UpToDate)]
    assert plan_title(replace(PLAN, datasets=tuple(same))) == "home: nothing to send"


def test_another_run_is_called_after_what_it_found() -> None:
    assert report_title("home", "verify", PARTIAL) == "home: verify, 1 of 2 good"
    good = tuple(replace(each, pruned_source=2, pruned_box=3) for each in PARTIAL.datasets if each.state.good)
    assert report_title("home", "prune", replace(PARTIAL, datasets=good)) == "home: prune, 2 + 3 snapshots"
