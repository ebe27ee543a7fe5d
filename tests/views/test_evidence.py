from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta

from rich.console import Console

from tests.planning.make import JOB
from tests.views.test_overview import CONFIDENCE, DRILL, SEEN, SURE
from tests.views.values import EMPTY, ERROR, REPLICA, STARTED, STATUS
from zoffsite.cli.status_table import draw_overview
from zoffsite.model.drill import Speed
from zoffsite.model.evidence import NO_CONFIDENCE, Confidence, Evidence, Recovery
from zoffsite.model.overview import Overview
from zoffsite.planning.evidence import confidence_of
from zoffsite.views.evidence import evidence_rows, recovery_words
from zoffsite.views.markdown import freshness_markdown


def drawn(seen: Overview, width: int = 100) -> str:
    out = io.StringIO()
    draw_overview(Console(file=out, width=width), JOB, seen)
    return out.getvalue()


def test_status_says_of_each_dataset_when_it_was_verified_proved_and_drilled_and_how_long_all_takes() -> None:
    text = drawn(SURE)
    assert "Dataset  Verified  Proved" in text
    assert "tank/a now 2 days ago 9 days ago 50 s" in " ".join(text.split())
    assert "To bring everything back, 3.7 GiB: about 3 min 20 s, by" in text
    assert "by the rate of the last drills" in text


def test_a_drill_that_found_something_stands_out() -> None:
    bad = Evidence(drill=replace(DRILL, passed=False))
    rows = evidence_rows(Confidence(evidence={"tank/a": bad}), STATUS.when)
    assert rows == [("tank/a", "no", "never", "NOT WHOLE, 9 days ago", "–")]


def test_where_nothing_was_ever_proved_or_drilled_the_table_is_left_out() -> None:
    assert evidence_rows(Confidence(evidence={"tank/a": Evidence(verified=STARTED)}), STARTED) == []
    assert "Verified" not in drawn(SEEN)


def test_before_the_first_drill_the_estimate_says_that_it_is_by_the_sends() -> None:
    words = recovery_words(Recovery(bytes=10**9, seconds=60.0, by="sends"))
    assert "by the rate at which it was sent; no drill" in words
    assert recovery_words(Recovery(bytes=10**9)) == ""


def test_the_artifact_of_the_ages_says_the_same() -> None:
    text = freshness_markdown(STATUS, CONFIDENCE)
    assert "| tank/a | now | 2 days ago | 9 days ago | 50 s |" in text
    assert "To bring everything back" in text
    assert "come back" not in freshness_markdown(STATUS, NO_CONFIDENCE)


def test_the_newest_proof_of_any_stream_counts_and_only_a_good_listing_verifies() -> None:
    bad = replace(REPLICA, source="tank/c", replica="v/tank:c", error=ERROR)
    replicas = (replace(REPLICA, referenced=300), replace(EMPTY, source="tank/b", replica="v/tank:b"), bad)
    status = replace(STATUS, replicas=replicas)
    days = [STARTED - timedelta(days=ago) for ago in (1, 4)]
    proved = {(REPLICA.replica, 5, 6): days[0], (REPLICA.replica, 0, 5): days[1], ("v/other", 0, 1): STARTED}
    found = confidence_of(status, proved, {"tank/a": DRILL}, Speed(rate=100.0, by="drills"))
    assert found.evidence["tank/a"] == Evidence(verified=status.when, proved=days[0], drill=DRILL)
    assert (found.evidence["tank/b"], found.evidence["tank/c"]) == (Evidence(), Evidence())
    assert found.recovery == Recovery(bytes=300, seconds=3.0, by="drills")
    assert confidence_of(status, {}, {}, None).recovery == Recovery(bytes=300)
