"""`zoffsite status`, without any host: what is drawn, served and written."""

from __future__ import annotations

import json
import re
import stat
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.planning.make import JOB
from tests.views.test_overview import ALONE, AWAY, FRESH, LIVE, SEEN, away
from tests.views.values import REPLICA, STARTED, STATUS
from zoffsite.cli.serve import Kept, server
from zoffsite.cli.status import exit_code, write_metrics
from zoffsite.cli.status_table import draw_overview
from zoffsite.cli.watch import drawn
from zoffsite.model.errors import OperationError
from zoffsite.model.overview import Overview
from zoffsite.model.report import RunState
from zoffsite.model.status import Base


def shown(seen: Overview) -> str:
    out = StringIO()
    draw_overview(Console(file=out, width=140), JOB, seen)
    return out.getvalue()


def test_the_table_says_how_old_how_large_when_next_and_for_how_long() -> None:
    text = shown(FRESH)
    assert "tank/a   OK     2026-11-23 03:00:05  2 h ago     26 h     4.0 KiB  +953.7 MiB" in text
    assert "Running since 2026-11-23 03:00 UTC: backup; zoffsite status --watch" in text
    assert "Last run 2026-11-23 03:00 UTC: home: all well" in text
    assert "Next run 2026-11-24 03:00 UTC by schedule" in text
    assert "Room: 931.3 GiB free; full in about 1000 days; 30 days more of history cost at most 27.9 GiB" in text


def test_the_table_says_what_is_wrong_and_when_it_last_went_well() -> None:
    assert SEEN.last_run is not None
    failed = replace(SEEN, last_run=replace(SEEN.last_run, state=RunState.FAILED))
    text = shown(failed)
    assert "NOT GOOD" in text
    assert "Next: zoffsite backup" in text
    assert "Last run that went well: 2026-11-23 03:00 UTC" in text
    assert "Next: zoffsite backup" in shown(AWAY)


def test_the_table_shows_what_only_the_box_says_as_such() -> None:
    text = shown(ALONE)
    assert "2026-11-23 03:00:05  2 h ago, says the box  26 h" in text
    assert "Next: zoffsite backup" in text
    assert "Nothing is verified: by the box's word alone, 1 of 1 replicas are within their objective" in text
    assert "box's word" not in shown(FRESH)


def test_the_table_says_what_is_known_of_a_disk_that_is_away() -> None:
    text = shown(away(30))
    assert "last seen on Monday" in text
    assert "tank/a: it was last brought up to date 30 h ago; the objective is 24 h" in text


def test_the_table_warns_where_the_base_is_a_snapshot_alone() -> None:
    alone = replace(REPLICA, base=Base(snapshot=True, bookmark=False, room=2**30))
    assert "1.0 GiB can be written there" in shown(replace(FRESH, status=replace(STATUS, replicas=(alone,))))
    assert "can be written" not in shown(FRESH)


@pytest.mark.parametrize(
    ("seen", "code"),
    [([FRESH], 0), ([FRESH, SEEN], 1), ([SEEN, AWAY], 3), ([ALONE], 3), ([], 0), ([AWAY, replace(AWAY)], 3)],
)
def test_a_side_that_is_away_outranks_what_is_stale(seen: list[Overview], code: int) -> None:
    assert exit_code(seen) == code


def test_the_metrics_are_written_whole_for_everybody_to_read(tmp_path: Path) -> None:
    file = tmp_path / "zoffsite.prom"
    write_metrics(file, [FRESH])
    assert 'zoffsite_up{job="home"} 1.0' in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert [each.name for each in tmp_path.iterdir()] == ["zoffsite.prom"]
    with pytest.raises(OperationError, match="metrics"):
        write_metrics(file / "below", [FRESH])


def test_a_run_under_way_is_drawn_with_rate_and_remaining_time() -> None:
    out = StringIO()
    Console(file=out, width=80).print(
        drawn([("home", LIVE, None), ("b", None, STARTED)], STARTED + timedelta(minutes=3))
    )
    text = out.getvalue()
    assert "home: backup: sending, then verifying and pruning; 1 dataset done after 3 min\n" in text
    assert re.search(r"^tank/b  ━+ *  1.0 MiB of 4.0 MiB  341.3 KiB/s  9 s left", text, re.MULTILINE)
    proof = replace(LIVE, verb="prove", step="looking at both sides")
    with_proof = StringIO()
    Console(file=with_proof, width=80).print(drawn([("home", proof, None)], STARTED))
    assert "home: prove: looking at both sides, then digesting on both sides; 1 dataset" in with_proof.getvalue()
    assert "b: no run is under way; the next is due at 2026-11-23 03:00 UTC" in text


@contextmanager
def served(looks: Kept) -> Iterator[str]:
    with server(0, looks) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{serving.server_address[1]}"
        finally:
            serving.shutdown()
            thread.join()


def test_metrics_and_status_are_served_on_loopback_from_one_look() -> None:
    looks = list[int]()

    def look() -> Sequence[Overview]:
        looks.append(1)
        return [FRESH]

    with served(Kept(look, every=60)) as url:
        with urllib.request.urlopen(f"{url}/metrics") as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            assert b'zoffsite_up{job="home"} 1.0' in answer.read()
        with urllib.request.urlopen(f"{url}/status") as answer:
            assert json.load(answer)[0]["job"] == "home"
        with pytest.raises(urllib.error.HTTPError, match="404") as caught:
            urllib.request.urlopen(f"{url}/../../etc/passwd")
        caught.value.close()
    assert looks == [1]


def test_a_web_page_whose_name_points_to_loopback_reads_nothing() -> None:
    with served(Kept(lambda: [FRESH], every=60)) as url:
        request = urllib.request.Request(f"{url}/status", headers={"Host": "evil.example.org:9812"})
        with pytest.raises(urllib.error.HTTPError, match="403") as caught:
            urllib.request.urlopen(request)
        caught.value.close()


def test_a_look_that_is_too_old_is_taken_anew() -> None:
    now = 0.0
    kept = Kept(lambda: [replace(FRESH, error_exit=int(now))], every=60, clock=lambda: now)
    assert kept()[0].error_exit == 0
    now = 59
    assert kept()[0].error_exit == 0
    now = 60
    assert kept()[0].error_exit == 60


def test_a_port_that_is_taken_is_said_so() -> None:
    with server(0, list) as first, pytest.raises(OperationError, match="cannot be used"):
        server(first.server_address[1], list)
