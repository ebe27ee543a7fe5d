"""A job at a glance: for programs, monitors and Prometheus."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.planning.make import job
from tests.views.values import EMPTY, ERROR, REPLICA, STARTED, STATUS
from zoffsite.model.checkup import Word
from zoffsite.model.drill import PastDrill
from zoffsite.model.evidence import Confidence, Evidence, Recovery
from zoffsite.model.notice import Notice
from zoffsite.model.overview import Capacity, LastRun, LiveRun, Overview, Transfer
from zoffsite.model.report import RunState
from zoffsite.model.status import Base, Freshness, JobStatus
from zoffsite.planning.freshness import last_known
from zoffsite.views.dashboard import dashboard_json
from zoffsite.views.metrics import JOB, metrics_text
from zoffsite.views.metrics import REPLICA as OF_REPLICA
from zoffsite.views.overview import nagios_lines, overview_json

LIVE = LiveRun(
    job="home",
    run="brave-otter",
    verb="backup",
    started=STARTED,
    updated=STARTED + timedelta(minutes=3),
    step="sending",
    finished=1,
    transfers=(Transfer(dataset="tank/b", done=2**20, total=2**22, rate=2**20 / 3),),
)
SEEN = Overview(
    status=STATUS,
    last_run=LastRun(run="brave-otter", started=STARTED, seconds=61.5, state=RunState.OK, words="home: all well"),
    last_success=STARTED,
    next_run=STARTED + timedelta(days=1),
    live=LIVE,
    capacity=Capacity(free=10**12, daily={"tank/a": 1e9}, days_left=1000.0, month_more=30 * 10**9),
)
DRILL = PastDrill(when=STATUS.when - timedelta(days=9), passed=True, bytes=10**9, seconds=50.0)
CONFIDENCE = Confidence(
    evidence={"tank/a": Evidence(verified=STATUS.when, proved=STATUS.when - timedelta(days=2), beyond=0, drill=DRILL)},
    recovery=Recovery(bytes=4 * 10**9, seconds=200.0, by="drills"),
)
SURE = replace(SEEN, confidence=CONFIDENCE)
FRESH = replace(SEEN, status=replace(STATUS, replicas=(REPLICA,)))


def away(hours: float | None) -> Overview:
    """A removable disk that is away, and may be; its last run that went well was so many hours ago."""
    good = None if hours is None else STARTED - timedelta(hours=hours)
    absent = Notice(code="disk-absent", subject="drawer", message="last seen on Monday | 'x'=1", remedy="attach it")
    known = (last_known(job(objective=timedelta(days=1)), "tank/a", good, STARTED),)
    return Overview(status=JobStatus(job="b", when=STARTED, replicas=(), notices=(absent,), last_known=known))


ALONE = replace(SEEN, status=replace(STATUS, replicas=(replace(REPLICA, word=Word.BOX),)), error=ERROR, error_exit=3)
"""The source is away, and the box has what is young enough, as it says."""
AWAY = Overview(status=JobStatus(job="away", when=STARTED, replicas=()), error=ERROR, error_exit=3)


def late(freshness: Freshness, seen: Overview = SEEN) -> Overview:
    replica = replace(seen.status.replicas[0], freshness=freshness, as_of=STARTED - timedelta(hours=27))
    return replace(seen, status=replace(STATUS, replicas=(replica,)))


@pytest.mark.parametrize(
    ("seen", "code", "head"),
    [
        ([FRESH], 0, "ZOFFSITE OK - 1 of 1 replicas are good"),
        ([late(Freshness.WARNING)], 1, "ZOFFSITE WARNING - 0 of 1 replicas are good"),
        ([late(Freshness.CRITICAL)], 2, "ZOFFSITE CRITICAL - 0 of 1 replicas are good"),
        ([SEEN], 2, "ZOFFSITE CRITICAL - 1 of 2 replicas are good"),
        ([AWAY], 3, "ZOFFSITE UNKNOWN - 0 of 0 replicas are good"),
        ([AWAY, late(Freshness.WARNING)], 3, "ZOFFSITE UNKNOWN"),
        ([AWAY, late(Freshness.CRITICAL)], 2, "ZOFFSITE CRITICAL"),
        ([ALONE], 1, "ZOFFSITE WARNING - 0 of 1 replicas are good; home: by the box's word alone, 1 of 1 replicas are"),
        ([late(Freshness.WARNING, ALONE)], 1, "ZOFFSITE WARNING - 0 of 1 replicas are good; home: by the box's word"),
        ([late(Freshness.CRITICAL, ALONE)], 2, "ZOFFSITE CRITICAL - 0 of 1 replicas are good; home: by the box's word"),
        ([ALONE, AWAY], 3, "ZOFFSITE UNKNOWN"),
        ([], 0, "ZOFFSITE OK - 0 of 0 replicas are good"),
    ],
)
def test_a_monitor_gets_the_worst_of_all_jobs(seen: list[Overview], code: int, head: str) -> None:
    got, text = nagios_lines(seen)
    assert (got, text.startswith(head)) == (code, True), text


@pytest.mark.parametrize(
    ("hours", "code", "head", "lines"),
    [
        (23, 0, "OK - 1 of 1 replicas are good", []),
        (47, 1, "WARNING - 0 of 1 replicas are good", ["tank/a: it was last brought up to date 47 h ago"]),
        (49, 2, "CRITICAL - 0 of 1 replicas are good", ["tank/a: it was last brought up to date 2 days 1 h ago"]),
        (None, 2, "CRITICAL - 0 of 1 replicas are good", ["tank/a: no run that brought it there is known"]),
    ],
)
def test_a_disk_that_is_away_is_said_to_be_and_judged_by_its_last_run_that_went_well(
    hours: float | None, code: int, head: str, lines: list[str]
) -> None:
    got, text = nagios_lines([away(hours)])
    first, *rest = text.splitlines()
    assert got == code
    assert first == f"ZOFFSITE {head}; drawer: last seen on Monday / 'x'=1"
    assert [line.startswith(expected) for line, expected in zip(rest, lines, strict=True)] == [True] * len(lines)


def test_a_monitor_gets_ages_with_their_thresholds_and_then_what_is_wrong() -> None:
    _, text = nagios_lines([SEEN, AWAY])
    first, *rest = text.splitlines()
    assert first.partition(" | ")[2] == "'home tank/a'=7200s;93600;187200;0 'home tank/a'=U;93600;187200;0"
    assert rest == [
        "tank/a: send tank/b: no byte moved; zoffsite backup",
        "away: send tank/b: no byte moved; zoffsite backup",
    ]
    assert "its data is 30 h old; the objective is 26 h" in nagios_lines([late(Freshness.WARNING)])[1]


def test_while_the_source_is_away_a_monitor_gets_the_ages_that_the_box_tells_and_hears_of_both() -> None:
    first, *rest = nagios_lines([late(Freshness.CRITICAL, ALONE)])[1].splitlines()
    assert first.partition(" | ")[2] == "'home tank/a'=108000s;93600;187200;0"
    assert rest == [
        "home: send tank/b: no byte moved; zoffsite backup",
        "tank/a: its data is 30 h old; the objective is 26 h",
    ]
    assert nagios_lines([ALONE])[1].splitlines()[1:] == rest[:1]
    unknown = replace(ALONE.status.replicas[0], as_of=None, taken=None, freshness=Freshness.CRITICAL)
    seen = replace(ALONE, status=replace(STATUS, replicas=(unknown,)))
    assert "tank/a: nobody knows how old its data is" in nagios_lines([seen])[1]


def test_while_the_source_is_away_the_metrics_have_the_age_that_the_box_tells_and_say_whose_word_it_is() -> None:
    read = samples(ALONE)
    assert (read["zoffsite_up", "home"], read["zoffsite_replica_unverified", "home", "tank/a"]) == (0, 1)
    assert read["zoffsite_replica_data_timestamp_seconds", "home", "tank/a"] == (REPLICA.as_of or STARTED).timestamp()
    assert not {"zoffsite_replica_good", "zoffsite_replica_snapshot_timestamp_seconds"} & {name for name, *_ in read}
    assert samples(late(Freshness.WARNING, ALONE))["zoffsite_replica_good", "home", "tank/a"] == 0


def test_what_the_box_says_begins_no_figures_and_no_line_for_a_monitor() -> None:
    hostile = replace(EMPTY, error=replace(ERROR, message="x | 'all'=0\r\nOK\x1b[2J"))
    _, text = nagios_lines([replace(SEEN, status=replace(STATUS, replicas=(hostile,)))])
    assert len(text.splitlines()) == 2
    assert text.count("|") == 1
    assert "\x1b" not in text


def test_json_has_everything_and_names_what_is_not_known() -> None:
    tree = overview_json(SEEN)
    assert tree["running"]["transfers"] == [{"dataset": "tank/b", "done": 2**20, "total": 2**22, "rate": 349525.3}]
    assert tree["capacity"] == {
        "free": 10**12,
        "daily": {"tank/a": 10**9},
        "days_left": 1000.0,
        "month_more": 3 * 10**10,
    }
    assert (tree["next_run"], tree["last_run"]["state"]) == ("2026-11-24T03:00:05.123456Z", "ok")
    (alone,) = overview_json(ALONE)["replicas"]
    assert (tree["replicas"][0]["word"], alone["word"], alone["good"]) == ("own", "box", False)
    away = overview_json(AWAY)
    assert (away["replicas"], away["error"]["code"], away["last_run"]) == ([], "stalled", None)
    json.dumps(tree)


def samples(*seen: Overview) -> dict[tuple[str, ...], float]:
    """What Prometheus' own parser reads: name, job, and dataset where there is one, with the value."""
    families = text_string_to_metric_families(metrics_text(seen).decode())
    found = [each for family in families for each in family.samples]
    return {
        (each.name, *(each.labels[key] for key in ("job", "dataset") if key in each.labels)): each.value
        for each in found
    }


def test_prometheus_reads_the_metrics_of_every_job() -> None:
    read = samples(FRESH, AWAY)
    assert (read["zoffsite_up", "home"], read["zoffsite_up", "away"]) == (1, 0)
    assert read["zoffsite_replica_good", "home", "tank/a"] == 1
    assert read["zoffsite_replica_objective_seconds", "home", "tank/a"] == 26 * 3600
    assert read["zoffsite_replica_data_timestamp_seconds", "home", "tank/a"] == (REPLICA.as_of or STARTED).timestamp()
    assert read["zoffsite_box_full_days", "home"] == 1000
    assert read["zoffsite_last_success_timestamp_seconds", "home"] == STARTED.timestamp()


def test_what_is_not_known_is_no_sample_rather_than_nothing() -> None:
    read = samples(replace(AWAY, status=replace(AWAY.status, replicas=(EMPTY,))))
    assert {name for name, *_ in read} == {
        "zoffsite_up",
        "zoffsite_looked_timestamp_seconds",
        "zoffsite_running",
        "zoffsite_replica_good",
        "zoffsite_replica_unverified",
        "zoffsite_replica_objective_seconds",
        "zoffsite_replica_used_bytes",
    }


def test_a_label_holds_any_name_of_a_dataset() -> None:
    odd = replace(REPLICA, source='tank/a "b"\\c')
    assert ("zoffsite_replica_good", "home", odd.source) in samples(
        replace(FRESH, status=replace(STATUS, replicas=(odd,)))
    )


def test_every_metric_of_the_dashboard_exists_and_every_one_can_be_drawn() -> None:
    base = Base(snapshot=True, bookmark=False, room=10**9)
    full = replace(SURE, status=replace(STATUS, replicas=(replace(REPLICA, base=base),)))
    drawn = {name for name, *_ in samples(full)}
    assert drawn == {f"zoffsite_{name}" for name in (*JOB, *OF_REPLICA)}
    used = set(re.findall(r"zoffsite_\w+", " ".join(expressions())))
    assert used
    assert used <= drawn


def expressions() -> list[str]:
    return [target["expr"] for panel in json.loads(dashboard_json())["panels"] for target in panel["targets"]]


def test_the_panels_of_the_dashboard_do_not_lie_on_each_other() -> None:
    panels = json.loads(dashboard_json())["panels"]
    cells = [
        (place["x"] + x, place["y"] + y)
        for panel in panels
        for place in [panel["gridPos"]]
        for x in range(place["w"])
        for y in range(place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_every_metric_is_documented_with_its_meaning() -> None:
    document = (Path(__file__).parents[2] / "docs/reference/metrics.md").read_text()
    for name, meaning in {**JOB, **OF_REPLICA}.items():
        assert f"| `zoffsite_{name}` | {meaning}. |" in document
