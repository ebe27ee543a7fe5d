from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta

from rich.console import Console

from tests.planning.make import JOB, snap
from tests.views.test_overview import CONFIDENCE, DRILL, SEEN, SURE
from tests.views.values import EMPTY, ERROR, REPLICA, STARTED, STATUS
from zoffsite.cli.status_table import draw_overview
from zoffsite.model.drill import Speed
from zoffsite.model.evidence import NO_CONFIDENCE, Confidence, Evidence, LastLook, Recovery
from zoffsite.model.job import DrillRule
from zoffsite.model.overview import Overview
from zoffsite.model.proof import Challenge, Proofs, StreamDigest
from zoffsite.model.snapshots import Snapshots
from zoffsite.planning.evidence import capped, confidence_of, looks_of, remembered
from zoffsite.views.evidence import confidence_json, evidence_rows, recovery_words
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
    assert rows == [("tank/a", "never", "never", "NOT WHOLE, 9 days ago", "–")]


def test_a_dataset_that_was_only_verified_is_shown_as_never_proved_and_where_there_is_nothing_no_table() -> None:
    assert evidence_rows(Confidence(evidence={"tank/a": Evidence(verified=STARTED)}), STARTED) == [
        ("tank/a", "now", "never", "never", "–")
    ]
    assert evidence_rows(Confidence(evidence={"tank/a": Evidence()}), STARTED) == []
    assert "Verified" not in drawn(SEEN)


def test_before_the_first_drill_the_estimate_says_that_it_is_by_the_sends() -> None:
    words = recovery_words(Recovery(bytes=10**9, seconds=60.0, by="sends"))
    assert "by the rate at which it was sent; no drill" in words
    assert "nobody can tell how long" in recovery_words(Recovery(bytes=10**9))
    assert recovery_words(Recovery()) == ""


def test_a_limit_of_the_settings_is_named_where_it_decides() -> None:
    limited = replace(JOB, bandwidth=10**6, drill=DrillRule(bandwidth=5_000_000))
    slow, fast = Speed(rate=1_000_000.0, by="drills"), Speed(rate=4_800_000.0, by="drills")
    assert capped(limited, slow) == slow
    assert capped(limited, fast) == replace(fast, cap=5_000_000)
    assert capped(limited, Speed(rate=0.95e6, by="sends")) == Speed(rate=0.95e6, by="sends", cap=10**6)
    words = recovery_words(Recovery(bytes=10**9, seconds=200.0, by="drills", cap=5_000_000))
    assert "the limit of 4.8 MiB/s in the settings decides that" in words


def test_the_artifact_of_the_ages_says_the_same() -> None:
    text = freshness_markdown(STATUS, CONFIDENCE)
    assert "| tank/a | now | 2 days ago | 9 days ago | 50 s |" in text
    assert "To bring everything back" in text
    assert "come back" not in freshness_markdown(STATUS, NO_CONFIDENCE)


def test_the_oldest_proof_of_all_that_both_sides_have_counts_and_only_a_good_listing_verifies() -> None:
    shared = Snapshots.of([snap(1, creation=0), snap(2, creation=0)])
    seen = replace(REPLICA, referenced=300, shared=shared)
    bad = replace(REPLICA, source="tank/c", replica="v/tank:c", error=ERROR)
    status = replace(STATUS, replicas=(seen, replace(EMPTY, source="tank/b", replica="v/tank:b"), bad))
    days = [STARTED - timedelta(days=ago) for ago in (1, 4)]
    last = {(REPLICA.replica, 101, 102): days[0], (REPLICA.replica, 0, 101): days[1], ("v/other", 0, 1): STARTED}
    speed, known = Speed(rate=100.0, by="drills"), {"tank/c": LastLook(verified=days[1])}
    found = confidence_of(status, Proofs(last=last), {}, {"tank/a": DRILL}, speed, known)
    assert found.evidence["tank/a"] == Evidence(verified=status.when, proved=days[1], drill=DRILL)
    assert (found.evidence["tank/b"], found.evidence["tank/c"]) == (Evidence(), Evidence(verified=days[1]))
    assert found.recovery == Recovery(bytes=300, seconds=3.0, by="drills")
    assert confidence_of(status, Proofs(), {}, {}, None, {}).recovery == Recovery(bytes=300)


def test_proved_says_how_many_streams_that_only_the_box_has_are_no_part_of_it() -> None:
    box = Snapshots.of([snap(number, creation=0) for number in (1, 2, 3, 4)])
    seen = replace(REPLICA, shared=box[2:], there=box)
    answer = StreamDigest(digest="a" * 64, toguid=102, fromguid=101, bytes=5)
    left = {(REPLICA.replica, 101, 102): Challenge(number=1, nonce=b"n", answer=answer)}
    proofs = Proofs(last={(REPLICA.replica, 0, 103): STARTED, (REPLICA.replica, 103, 104): STARTED})
    status = replace(STATUS, when=STARTED, replicas=(seen,))
    found = confidence_of(status, proofs, left, {}, None, {})
    assert found.evidence["tank/a"].beyond == len(("1 in full", "2 to 3"))
    assert evidence_rows(found, STARTED)[0][2] == "now, but for 2 streams"
    assert confidence_json(found)["evidence"]["tank/a"]["beyond_proof"] == 2
    assert remembered(looks_of(status, found), {}, None).evidence["tank/a"].beyond == 2
    one = Evidence(proved=STARTED, beyond=1)
    assert evidence_rows(Confidence(evidence={"tank/a": one}), STARTED)[0][2] == "now, but for 1 stream"
    never = Evidence(verified=STARTED, beyond=1)
    assert evidence_rows(Confidence(evidence={"tank/a": never}), STARTED)[0][2] == "never"
