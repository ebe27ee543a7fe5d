"""A run, whoever drives it, tells the dead man's switch when it begins and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event

import pytest

from tests.notify.test_ping import Pings, fine, ping_server, url
from tests.planning.make import JOB
from tests.views.values import FAILED, SENT
from zoffsite.actions.run import Known, Occasion, Steps, run_job
from zoffsite.config.settings import Settings
from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import OperationError
from zoffsite.model.report import RunReport

BROKEN = OperationError("list", "the box", "it said nothing", "look at it", code="garbled")


@pytest.fixture
def served() -> Iterator[tuple[int, Pings]]:
    with ping_server() as server:
        yield server


def run(
    tmp_path: Path, port: int, *known: Known | BaseException, verb: str = "backup", whole: bool = True
) -> RunReport:
    def steps(_now: datetime) -> Iterator[Known]:
        for each in known:
            if isinstance(each, BaseException):
                raise each
            yield each

    return run_steps(tmp_path, port, steps, verb, whole)


def run_steps(tmp_path: Path, port: int, steps: Steps, verb: str = "backup", whole: bool = True) -> RunReport:
    job = replace(JOB, ledger=tmp_path / "ledger")
    settings = Settings(
        file=tmp_path / "zoffsite.toml", state_dir=tmp_path, jobs={"home": job}, ping_urls={"home": url(port)}
    )
    return run_job(
        settings, job, Occasion(run="brave-otter", how="a test", verb=verb, whole=whole), Connections(), steps
    )


def ends(asked: Pings) -> list[str]:
    return [asked.get_nowait()[1].rpartition("/")[2] for _ in range(asked.qsize())]


def test_a_good_run_starts_and_succeeds(served: tuple[int, Pings], tmp_path: Path) -> None:
    run(tmp_path, served[0], SENT)
    assert ends(served[1]) == ["start", "home"]


def test_a_run_of_which_one_dataset_failed_fails(served: tuple[int, Pings], tmp_path: Path) -> None:
    run(tmp_path, served[0], SENT, FAILED)
    assert ends(served[1]) == ["start", "fail"]


def test_a_run_that_breaks_off_tells_the_end_of_its_log(served: tuple[int, Pings], tmp_path: Path) -> None:
    run(tmp_path, served[0], BROKEN)
    served[1].get_nowait()
    assert served[1].get_nowait()[2].endswith("ERROR list the box: it said nothing; look at it")


def test_a_run_that_is_interrupted_fails_before_it_ends(served: tuple[int, Pings], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, served[0], SENT, KeyboardInterrupt())
    assert ends(served[1]) == ["start", "fail"]


def test_only_backups_have_a_switch(served: tuple[int, Pings], tmp_path: Path) -> None:
    run(tmp_path, served[0], FAILED, verb="verify")
    assert ends(served[1]) == []


def test_a_switch_that_is_broken_breaks_no_run(tmp_path: Path) -> None:
    with ping_server(lambda handler: handler.send_error(500)) as (port, _):
        report = run(tmp_path, port, SENT)
    assert report.state == "ok"
    assert [notice.message.partition(":")[0] for notice in report.notices] == [
        "it could not be told that the run began",
        "it could not be told that the run ended",
    ]


def test_a_service_that_does_not_answer_holds_up_no_start(tmp_path: Path) -> None:
    working, seen = Event(), list[bool]()

    def late(handler: BaseHTTPRequestHandler) -> None:
        seen.append(working.wait(4))
        fine(handler)

    def steps(_now: datetime) -> Iterator[Known]:
        working.set()
        yield SENT

    with ping_server(late) as (port, asked):
        run_steps(tmp_path, port, steps)
    assert seen == [True, True]
    assert ends(asked) == ["start", "home"]


def test_a_run_of_some_datasets_says_nothing_of_the_job(served: tuple[int, Pings], tmp_path: Path) -> None:
    run(tmp_path, served[0], SENT, whole=False)
    assert ends(served[1]) == []
