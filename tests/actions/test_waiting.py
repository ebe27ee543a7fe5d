"""A run that a schedule started waits for the job's lock; what never begins is told like any other failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.notify.servers import Posted, web_server, web_url
from tests.notify.test_ping import Pings, ping_server, url
from tests.planning.make import JOB
from tests.views.values import SENT
from zoffsite.actions import retrying
from zoffsite.actions.run import Occasion, run_job
from zoffsite.config.settings import Receiver, Settings
from zoffsite.history import past_runs
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.transfers import transfers
from zoffsite.lock import JobLock
from zoffsite.model.alert import AlertKind
from zoffsite.model.errors import ExitCode, LockHeldError
from zoffsite.model.report import RunReport

HOLDER = "Prefect run home-x"


@pytest.fixture
def web() -> Iterator[tuple[int, Posted]]:
    with web_server() as server:
        yield server


@pytest.fixture
def switch() -> Iterator[tuple[int, Pings]]:
    with ping_server() as server:
        yield server


@pytest.fixture
def settings(web: tuple[int, Posted], switch: tuple[int, Pings], tmp_path: Path) -> Settings:
    """One receiver of alerts, and a dead man's switch."""
    receiver = Receiver(url=web_url(web[0]), kinds=frozenset(AlertKind))
    return Settings(
        file=tmp_path / "zoffsite.toml",
        state_dir=tmp_path,
        jobs={"home": replace(JOB, ledger=tmp_path / "ledger")},
        heard_by={"home": (receiver,)},
        ping_urls={"home": url(switch[0])},
    )


@pytest.fixture
def held(tmp_path: Path) -> Iterator[ExitStack]:
    """The lock is held until this is closed."""
    with ExitStack() as holder:
        holder.enter_context(JobLock("home", HOLDER, tmp_path))
        yield holder


def nothing() -> None:
    """Happens at a look at the lock."""


def run(settings: Settings, *, unattended: bool = True, at_each_look: Callable[[], object] = nothing) -> RunReport:
    what = Occasion(run="home-y", how="zoffsite backup", unattended=unattended, still_due=at_each_look)
    return run_job(settings, settings.jobs["home"], what, Connections(), lambda _: [SENT])


def test_a_scheduled_run_says_who_holds_the_lock_and_waits_for_it(
    settings: Settings, held: ExitStack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retrying, "PAUSE", 0.01)
    looks = list[str]()

    def look() -> None:
        looks.append("a look")
        if len(looks) == 3:
            held.close()

    assert run(settings, at_each_look=look).exit_code is ExitCode.OK
    (said,) = [each for each in caplog.messages if "waiting for its end" in each]
    assert HOLDER in said
    assert "12 h" in said


def test_a_scheduled_run_that_waits_in_vain_tells_since_when_and_by_whom_the_lock_is_held(
    settings: Settings,
    held: ExitStack,
    web: tuple[int, Posted],
    switch: tuple[int, Pings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retrying, "LONGEST_WAIT", 0.0)
    report = run(settings)
    assert report.exit_code is ExitCode.LOCKED
    alert = web[1].get_nowait()
    assert alert["type"] == "failure"
    assert f"({HOLDER}) since 20" in alert["message"]
    assert switch[1].get_nowait()[1].endswith("/fail")
    (past,) = past_runs("home", settings.state_dir)
    assert past.state.value == "failed"


def test_without_a_place_for_the_lock_a_scheduled_run_is_told_all_the_same(
    settings: Settings, web: tuple[int, Posted], switch: tuple[int, Pings], tmp_path: Path
) -> None:
    (tmp_path / "in-the-way").touch()
    report = run(replace(settings, state_dir=tmp_path / "in-the-way"))
    assert report.error is not None
    assert report.error.code == "no-state-dir"
    assert "in-the-way/locks" in web[1].get_nowait()["message"]
    assert switch[1].get_nowait()[1].endswith("/fail")


def test_who_is_there_to_read_it_is_told_by_the_error_alone(
    settings: Settings, held: ExitStack, web: tuple[int, Posted], switch: tuple[int, Pings]
) -> None:
    with pytest.raises(LockHeldError):
        run(settings, unattended=False)
    assert web[1].empty()
    assert switch[1].empty()


def test_a_run_that_is_stopped_while_it_waits_ends_at_once_and_is_told(
    settings: Settings, held: ExitStack, switch: tuple[int, Pings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "PAUSE", 600.0)
    report = run(settings, at_each_look=transfers.stop_all)
    assert report.exit_code is ExitCode.INTERRUPTED
    assert switch[1].get_nowait()[1].endswith("/fail")


def test_a_run_that_prefect_cancels_while_it_waits_is_told(
    settings: Settings, held: ExitStack, switch: tuple[int, Pings]
) -> None:
    def cancelled() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(settings, at_each_look=cancelled)
    assert switch[1].get_nowait()[1].endswith("/fail")


def test_a_request_to_stop_that_comes_before_the_lock_is_had_is_not_lost(settings: Settings) -> None:
    transfers.stop_all()
    assert run(settings, unattended=False).exit_code is ExitCode.INTERRUPTED
