"""What the dead man's switch is told of a run; and that it breaks none."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.notify.servers import PASSWORD, free_port
from tests.notify.test_ping import ping_server, url
from tests.planning.make import JOB
from tests.views.values import GOOD, PARTIAL, SENT, STARTED
from zoffsite.actions.conclude import conclude
from zoffsite.actions.switch import say_ended, say_started
from zoffsite.config.settings import Settings
from zoffsite.logtail import MOST, log_tail
from zoffsite.state import last_report


def settings(tmp_path: Path, ping: SecretStr | None) -> Settings:
    return Settings(
        file=tmp_path / "zoffsite.toml",
        state_dir=tmp_path,
        jobs={"home": JOB},
        ping_urls={} if ping is None else {"home": ping},
    )


def test_a_good_run_is_a_start_and_a_success(tmp_path: Path) -> None:
    with ping_server() as (port, asked):
        ours = settings(tmp_path, url(port))
        assert say_started(ours, JOB)() == ()
        assert conclude(ours, JOB, GOOD) == GOOD
    start, success = asked.get_nowait(), asked.get_nowait()
    assert (start[1], success[1]) == (f"/{PASSWORD}/home/start", f"/{PASSWORD}/home")
    assert success[2] == "home: its dataset is on the box; 3.0 MiB sent in 1 min 2 s"


def test_a_failed_run_is_told_with_its_reasons_and_the_end_of_the_log(tmp_path: Path) -> None:
    with ping_server() as (port, asked):
        say_ended(settings(tmp_path, url(port)), JOB, PARTIAL, ["03:00:05 ERROR it broke"])
    _, path, body = asked.get_nowait()
    assert path.endswith("/fail")
    assert body.startswith("zoffsite home: 1 of 2 datasets failed\n")
    assert "Next: zoffsite backup" in body
    assert body.endswith("\n03:00:05 ERROR it broke")


def test_a_failed_run_is_told_with_since_when_it_fails_and_the_data_is_stale(tmp_path: Path) -> None:
    day = timedelta(days=1)
    with ping_server() as (port, asked):
        ours = settings(tmp_path, url(port))
        conclude(ours, JOB, replace(GOOD, datasets=(SENT, replace(SENT, source="tank/b"))))
        for days in (1, 2):
            conclude(ours, JOB, replace(PARTIAL, started=STARTED + days * day))
    _, first, second = (asked.get_nowait()[2] for _ in range(3))
    assert "Last backed up well: 2026-11-23 03:00:05 UTC, 24 h before this run." in first
    assert "failing since" not in first
    assert "Last backed up well: 2026-11-23 03:00:05 UTC, 2 days before this run." in second
    assert "failing since 2026-11-24 03:00:05 UTC" in second


def test_a_service_that_is_down_changes_no_result_and_is_in_the_saved_report(tmp_path: Path) -> None:
    told = conclude(settings(tmp_path, url(free_port())), JOB, GOOD)
    assert (told.state, told.exit_code) == (GOOD.state, GOOD.exit_code)
    (notice,) = told.notices
    assert (notice.code, notice.alert) == ("ping-failed", False)
    assert notice.message == "it could not be told that the run ended: Connection refused"
    assert last_report("home", tmp_path) == told


def test_a_job_without_a_switch_tells_nobody(tmp_path: Path) -> None:
    assert say_started(settings(tmp_path, None), JOB)() == ()
    assert say_ended(settings(tmp_path, None), JOB, PARTIAL) == ()


def test_the_runs_of_other_verbs_do_not_count_as_backups(tmp_path: Path) -> None:
    with ping_server() as (port, asked):
        conclude(settings(tmp_path, url(port)), JOB, replace(GOOD, job="home.verify"))
    assert asked.empty()


def test_the_tail_of_the_log_is_its_last_lines_without_commands() -> None:
    logger = logging.getLogger("zoffsite.somewhere")
    before = logging.getLogger("zoffsite").handlers[:]
    logging.getLogger("zoffsite").setLevel(logging.DEBUG)
    with log_tail() as tail:
        for number in range(MOST + 5):
            logger.warning("line %d", number)
        logger.debug("$ zfs list")
    logger.warning("too late")
    assert len(tail) == MOST
    assert tail[-1].endswith(f"WARNING line {MOST + 4}")
    assert logging.getLogger("zoffsite").handlers == before


@pytest.mark.parametrize("ping", [None, "x"])
def test_the_settings_never_show_the_url(tmp_path: Path, ping: str | None) -> None:
    assert PASSWORD not in repr(settings(tmp_path, SecretStr(PASSWORD) if ping else None))
