"""What `zoffsite drill` prints."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.planning.make_drill import drillable
from tests.views.values import ERROR, GOOD
from zoffsite.actions.drill import DrillReport
from zoffsite.cli.drill import draw_drills, draw_turns
from zoffsite.model.drill import Comparison, Difference, DrillOutcome, DrillPlan, DrillResult
from zoffsite.views.drill import drill_outcome_json, drill_plan_json
from zoffsite.views.json import report_json

NOW = datetime(2026, 11, 23, tzinfo=UTC)
DOCUMENT = (Path(__file__).parents[2] / "docs/reference/json.md").read_text()
PLAN = DrillPlan(job="home", chosen=(drillable(drilled=NOW),), others=7, scratches=())
WHOLE = Comparison(entries=12, bytes=10**6, differ=0, first=())
PASSED = DrillOutcome(
    drillable=drillable(), state=DrillResult.PASSED, when=NOW, bytes=10**6, recovery=2.0, seconds=5.0, compared=WHOLE
)
BAD = replace(
    PASSED,
    state=DrillResult.DIFFERENT,
    compared=replace(WHOLE, differ=1, first=(Difference(path="a/b", what="it is missing"),)),
    error=replace(ERROR, code="drill-failed"),
)


def drawn(capsys: pytest.CaptureFixture[str], *outcomes: DrillOutcome) -> str:
    draw_drills(DrillReport(run=GOOD, plan=PLAN, outcomes=outcomes))
    return " ".join(capsys.readouterr().out.split())


def test_a_drill_that_passed_says_how_long_it_took_and_what_was_compared(capsys: pytest.CaptureFixture[str]) -> None:
    text = drawn(capsys, PASSED)
    assert "passed tank/home @new: 976.6 KiB there after 2 s (488.3 KiB/s); 12 files and 976.6 KiB compared" in text
    assert "7 more have their turn later" in text


def test_what_differs_is_named_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    text = drawn(capsys, BAD)
    assert "different tank/home" in text
    assert "a/b: it is missing" in text
    assert ERROR.remedy in text


def test_the_plan_says_whose_turn_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    draw_turns(PLAN)
    assert "tank/home @new, 976.6 KiB, drilled 2026-11-23" in capsys.readouterr().out


def test_the_documented_shape_is_the_real_one() -> None:
    part = DOCUMENT.partition("## `zoffsite drill --json`")[2]
    found = re.search(r"```json\n(.*?)```", part, re.DOTALL)
    assert found is not None
    documented: dict[str, Any] = json.loads(found[1])
    real = {**drill_plan_json(PLAN), "drills": [drill_outcome_json(BAD)]}
    assert keys(documented) == keys(real)
    assert not set(real) & set(report_json(GOOD)) - {"job"}


def keys(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name: keys(value) for name, value in tree.items()}
    return [keys(tree[0])] if isinstance(tree, list) and tree else None
