from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoffsite.model.errors import ExitCode
from zoffsite.model.report import DatasetOutcome, ErrorReport, RunReport
from zoffsite.views.json import plan_json, report_from_json, report_json, status_json
from zoffsite.views.overview import overview_json

from .test_overview import SURE
from .values import BIG, EMPTY, GOOD, NOTED, PARTIAL, PLAN, REPLICA, STATUS, STOPPED

DOCUMENT = Path(__file__).parents[2] / "docs/reference/json.md"

texts = st.text(st.characters(codec="utf-8"), max_size=12)
errors = st.builds(ErrorReport, code=texts, message=texts, remedy=texts, transient=st.booleans())
outcomes = st.builds(
    DatasetOutcome,
    source=texts,
    replica=texts,
    bytes=st.integers(0, 2**63),
    seconds=st.floats(0, 1e9),
    snapshot=st.none() | texts,
    guid=st.none() | st.integers(1, BIG),
    error=st.none() | errors,
)
times = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
stops = st.tuples(errors, st.sampled_from(ExitCode)) | st.just((None, None))


@st.composite
def reports(draw: st.DrawFn) -> RunReport:
    error, code = draw(stops)
    return RunReport(
        job=draw(texts),
        run=draw(texts),
        started=draw(times),
        seconds=draw(st.floats(0, 1e9)),
        datasets=tuple(draw(st.lists(outcomes, max_size=3))),
        error=error,
        error_exit=code,
    )


def by_action(tree: dict[str, Any]) -> dict[str, Any]:
    return {dataset["action"]: dataset for dataset in tree["datasets"]}


@given(reports())
def test_a_report_comes_back_from_its_json_as_it_was(report: RunReport) -> None:
    text = json.dumps(report_json(report))
    assert report_from_json(json.loads(text)) == report


def test_notices_come_back_from_the_json_of_a_report_and_an_old_one_has_none() -> None:
    tree = report_json(NOTED)
    assert report_from_json(tree).all_notices == NOTED.all_notices
    del tree["notices"], tree["datasets"][0]["notices"]
    assert report_from_json(tree) == GOOD


def test_the_plan_has_the_promised_shape() -> None:
    tree = plan_json(PLAN)
    assert set(tree) == {"job", "datasets", "prune", "notices", "hooks"}
    assert [notice["code"] for notice in tree["notices"]] == ["replica-without-dataset"]
    assert [hook["before"] for hook in tree["hooks"]] == [["freeze", "main"]]
    for dataset in tree["datasets"]:
        assert {"source", "replica", "action", "base", "to", "estimated_bytes", "reason"} <= set(dataset)
    assert set(by_action(tree)) == {"full", "incremental", "resume", "up-to-date", "conflict", "refused"}


def test_a_guid_is_a_string_because_it_does_not_fit_a_json_number() -> None:
    assert by_action(plan_json(PLAN))["full"]["to"]["guid"] == str(BIG)
    assert report_json(GOOD)["datasets"][0]["guid"] == str(BIG)
    assert status_json(STATUS)["replicas"][0]["guid"] == str(BIG)


def test_a_snapshot_that_the_run_would_take_is_shown_as_planned_and_without_guid() -> None:
    assert by_action(plan_json(PLAN))["incremental"]["to"] == {"name": "s3", "guid": None, "planned": True}


def test_the_base_says_whether_it_is_a_snapshot_or_a_bookmark() -> None:
    plans = by_action(plan_json(PLAN))
    assert plans["incremental"]["base"] == {"kind": "bookmark", "name": "zoffsite-home-0123", "guid": "5"}
    assert plans["resume"]["base"] == {"kind": "snapshot", "name": "s3", "guid": str(BIG)}
    assert plans["full"]["base"] is None


def test_several_steps_are_summed_up_from_the_first_base_to_the_last_snapshot() -> None:
    full = by_action(plan_json(PLAN))["full"]
    assert (full["base"], full["to"]["name"], full["estimated_bytes"]) == (None, "s2", 2048)


@pytest.mark.parametrize("action", ["up-to-date", "conflict", "refused"])
def test_what_sends_nothing_has_neither_base_nor_goal(action: str) -> None:
    plan = by_action(plan_json(PLAN))[action]
    assert (plan["base"], plan["to"], plan["estimated_bytes"]) == (None, None, 0)


def test_a_conflict_and_a_refusal_name_their_code_and_remedy() -> None:
    plans = by_action(plan_json(PLAN))
    assert (plans["conflict"]["code"], plans["conflict"]["remedy"]) == ("no-base", "look | at it")
    assert (plans["refused"]["code"], plans["full"]["code"]) == ("not-encrypted", None)


def test_pruning_lists_what_goes_and_what_stays_with_its_reasons() -> None:
    assert plan_json(PLAN)["prune"] == [
        {
            "side": "box",
            "dataset": "v/tank:d",
            "destroy": ["s1", "s2"],
            "keep": [{"name": "s5", "reasons": ["newest", "daily 2026-11-23"]}],
        }
    ]


def test_no_token_is_ever_printed() -> None:
    assert "1-secret" not in json.dumps(plan_json(PLAN))


def test_the_report_says_its_state_and_exit_code() -> None:
    shown = [(report_json(report)["state"], report_json(report)["exit_code"]) for report in (GOOD, PARTIAL, STOPPED)]
    assert shown == [("ok", 0), ("partial", 1), ("failed", 3)]


def test_times_are_utc_and_say_so() -> None:
    assert report_json(GOOD)["started"] == "2026-11-23T03:00:05.123456Z"


def test_the_status_gives_ages_and_leaves_out_what_is_not_there() -> None:
    full, empty = status_json(STATUS)["replicas"]
    assert (full["age_seconds"], full["freshness"], full["good"]) == (7200.0, "ok", REPLICA.good)
    assert (empty["newest"], empty["guid"], empty["age_seconds"], empty["good"]) == (None, None, None, EMPTY.good)


@pytest.mark.parametrize(
    "tree",
    [None, [], {}, "x", 5, {**report_json(GOOD), "started": "yesterday"}, {**report_json(GOOD), "datasets": [{}]}],
)
def test_what_is_no_report_is_refused(tree: Any) -> None:
    with pytest.raises(ValueError, match=r"report|isoformat"):
        report_from_json(tree)


def documented() -> list[Any]:
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)]


def keys(tree: Any) -> Any:
    """The shape of a tree: its keys, and those of the first of each list."""
    if isinstance(tree, dict):
        return {key: keys(value) for key, value in tree.items()}
    return [keys(tree[0])] if isinstance(tree, list) and tree and isinstance(tree[0], dict) else None


def test_the_documented_shapes_are_the_real_ones() -> None:
    plan, report = documented()[:2]
    verified, status = sorted((each for each in documented() if "replicas" in each), key=len)
    drawn = plan_json(PLAN)
    drawn["datasets"] = [by_action(drawn)["incremental"]]
    assert keys(plan) == keys(drawn)
    assert keys(report) == keys(report_json(PARTIAL))
    assert keys(report["datasets"][1]) == keys(report_json(PARTIAL)["datasets"][1])
    assert keys(verified) == keys(status_json(STATUS))
    drawn = overview_json(SURE)
    status["capacity"]["daily"] = drawn["capacity"]["daily"] = {}
    drawn["evidence"] = {"tank/home": drawn["evidence"]["tank/a"]}
    assert keys(status) == keys(drawn)


def test_the_documented_report_can_be_read_back() -> None:
    report = documented()[1]
    assert report_json(report_from_json(report)) == report
