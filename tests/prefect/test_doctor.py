"""The doctor as a deployment, through a real Prefect server."""

from __future__ import annotations

import pytest

from tests.prefect.prefect_stage import Seen, Stage
from zoffsite.state import last_report

pytestmark = [pytest.mark.lab, pytest.mark.prefect]


@pytest.fixture(scope="module")
def examined(stage: Stage, first: Seen) -> Seen:
    """A box without a gate, after its first backup."""
    return stage.seen(stage.ui.wait_for(stage.trigger("doctor")))


def test_warnings_are_told_and_fail_no_run(stage: Stage, examined: Seen) -> None:
    state = examined.run["state"]
    assert state["type"] == "COMPLETED", state["message"]
    assert " warnings, " in state["message"]
    told = last_report("home.doctor", stage.folder / "state")
    assert told is not None
    assert {"doctor-gate", "alert-not-delivered"} <= {each.code for each in told.notices}, "the URL leads nowhere"


def test_every_finding_is_in_a_table_that_says_whose_word_it_is(examined: Seen) -> None:
    table = examined.artifacts["doctor-home"]["data"]
    assert "**gate WARNING**" in table
    assert "there is no gate" in table
    assert "| locked | OK | vault" in table
    assert "the box's own word" in table
