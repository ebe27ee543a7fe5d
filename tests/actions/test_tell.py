"""Who hears of a run, through real servers on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.notify.servers import PASSWORD, Posted, free_port, mail_server, mail_url, web_server, web_url
from tests.planning.make import JOB
from tests.views.values import ALERT, FAILED, GOOD, NOTED, PARTIAL, SENT, STARTED
from zoffsite.actions.conclude import conclude
from zoffsite.actions.run import Known, Occasion, run_job
from zoffsite.actions.tell import tell, tell_all
from zoffsite.config.settings import Receiver, Settings
from zoffsite.hosts.connections import Connections
from zoffsite.ledger import Ledger
from zoffsite.model.alert import AlertKind
from zoffsite.model.report import RunReport
from zoffsite.model.work import Members
from zoffsite.state import last_report, save_report
from zoffsite.views.messages import trial_message

pytestmark = [
    # A mail server that wants a login without TLS is right here, and nowhere else.
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning"),
]
ALL = frozenset(AlertKind)
HOUR = timedelta(hours=1)


@pytest.fixture
def web() -> Iterator[tuple[int, Posted]]:
    with web_server() as server:
        yield server


def receiver(url: SecretStr, kinds: frozenset[AlertKind] = ALL) -> Receiver:
    return Receiver(url=url, kinds=kinds)


def at(hours: int) -> datetime:
    return STARTED + hours * HOUR


def types(posted: Posted) -> list[str]:
    """The kinds of all messages that have arrived."""
    return [posted.get_nowait()["type"] for _ in range(posted.qsize())]


def test_a_failure_is_told_once_and_the_recovery_with_since_when(web: tuple[int, Posted], tmp_path: Path) -> None:
    port, posted = web
    for hour, report in enumerate((PARTIAL, PARTIAL, GOOD, GOOD)):
        since = STARTED if hour in (1, 2) else None
        assert tell([receiver(web_url(port))], report, since, tmp_path, at(hour)) == report
    messages = [posted.get_nowait() for _ in range(posted.qsize())]
    assert [message["type"] for message in messages] == ["failure", "success"]
    assert "It had failed since 2026-11-23 03:00:05 UTC" in messages[1]["message"]


@pytest.mark.parametrize("verb", ["drill", "prove", "verify", "prune"])
def test_whatever_run_fails_says_when_the_data_was_last_backed_up_well(
    web: tuple[int, Posted], tmp_path: Path, verb: str
) -> None:
    port, posted = web
    save_report(replace(GOOD, datasets=(replace(SENT, source=FAILED.source),)), tmp_path)
    failed = replace(PARTIAL, job=f"home.{verb}", started=at(5))
    save_report(failed, tmp_path)
    tell([receiver(web_url(port))], failed, None, tmp_path, at(5))
    assert "Last backed up well: 2026-11-23 03:00:05 UTC, 5 h before this run." in posted.get_nowait()["message"]


def test_each_url_gets_its_own_kinds(web: tuple[int, Posted], tmp_path: Path) -> None:
    port, posted = web
    tell([receiver(web_url(port), frozenset({AlertKind.WARNING}))], PARTIAL, None, tmp_path, at(0))
    assert types(posted) == []
    tell([receiver(web_url(port), frozenset({AlertKind.WARNING}))], NOTED, None, tmp_path, at(1))
    assert types(posted) == ["warning"]


def test_one_url_that_fails_stops_no_other_and_is_reported_to_it_without_its_secret(
    web: tuple[int, Posted], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port, posted = web
    urls = [receiver(url) for url in (mail_url(free_port()), web_url(port), SecretStr(f"nonsense://{PASSWORD}"))]
    told = tell(urls, PARTIAL, None, tmp_path, at(0))
    (notice,) = told.notices
    assert notice.code == "alert-not-delivered"
    assert notice.message == (
        "URL 1 (mailto): not delivered (connection refused); URL 3 (nonsense): apprise does not understand it"
    )
    assert [record.message.count("not delivered:") for record in caplog.records] == [1, 1]  # each was tried once
    failure, warning = posted.get(timeout=10), posted.get(timeout=10)
    assert (failure["type"], warning["type"]) == ("failure", "warning")
    assert notice.message in warning["message"]
    tell(urls, PARTIAL, STARTED, tmp_path, at(1))  # the same again is not told again
    assert posted.empty()


def test_a_mail_server_that_was_away_gets_the_recovery_later(tmp_path: Path) -> None:
    port = free_port()
    dead = [receiver(mail_url(port))]
    assert tell(dead, PARTIAL, None, tmp_path, at(0)).notices
    assert tell(dead, GOOD, STARTED, tmp_path, at(1)).notices
    with mail_server() as (alive, mailbox):
        assert tell([receiver(mail_url(alive))], GOOD, None, tmp_path, at(2)) == GOOD
        assert tell([receiver(mail_url(alive))], GOOD, None, tmp_path, at(3)) == GOOD
    ((_, mail),) = mailbox.mails
    assert mail["Subject"] == "zoffsite home: backup works again"


def test_without_urls_nothing_is_sent_and_nothing_is_wrong(tmp_path: Path) -> None:
    assert tell([], PARTIAL, None, tmp_path, at(0)) == PARTIAL
    assert list(tmp_path.iterdir()) == []


def test_a_state_that_cannot_be_written_costs_repetitions_and_no_alert(web: tuple[int, Posted], tmp_path: Path) -> None:
    port, posted = web
    (tmp_path / "file").touch()
    for hour in range(2):
        tell([receiver(web_url(port))], PARTIAL, None, tmp_path / "file", at(hour))
    assert types(posted) == ["failure", "failure"]


def test_no_secret_is_written_down(web: tuple[int, Posted], tmp_path: Path) -> None:
    save_report(PARTIAL, tmp_path)
    tell([receiver(web_url(web[0])), receiver(mail_url(free_port()))], PARTIAL, None, tmp_path, at(0))
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) == 2
    assert not any(PASSWORD in file.read_text() or "127.0.0.1" in file.read_text() for file in files)


def test_a_trial_reaches_every_url_whatever_it_is_for(web: tuple[int, Posted]) -> None:
    port, posted = web
    done = tell_all([receiver(web_url(port), frozenset({kind})) for kind in AlertKind], trial_message("home"))
    assert (done.sent, bool(done)) == (4, True)
    assert "Nothing has failed" in posted.get(timeout=10)["message"]


def test_a_message_of_a_kind_reaches_those_who_want_it(web: tuple[int, Posted]) -> None:
    port, posted = web
    urls = [receiver(web_url(port), frozenset({kind})) for kind in AlertKind]
    assert tell_all(urls, trial_message("home"), AlertKind.DIGEST).sent == 1
    assert posted.qsize() == 1


@pytest.mark.parametrize("report", [GOOD, PARTIAL])
def test_a_broken_notifier_changes_no_exit_code_and_is_in_the_saved_report(report: RunReport, tmp_path: Path) -> None:
    """The run before failed, so that either report has something to tell."""
    save_report(PARTIAL, tmp_path)
    settings = Settings(
        file=tmp_path / "zoffsite.toml",
        state_dir=tmp_path,
        jobs={"home": JOB},
        heard_by={"home": (receiver(web_url(free_port())),)},
    )
    told = conclude(settings, replace(JOB, ledger=tmp_path / "ledger"), report)
    assert told.exit_code == report.exit_code
    assert [notice.code for notice in told.notices] == ["alert-not-delivered"]
    assert last_report("home", tmp_path) == replace(told, place="the box")


def test_a_drill_of_another_dataset_tells_nobody_that_drills_work_again_while_the_alarm_stands(
    web: tuple[int, Posted], tmp_path: Path
) -> None:
    port, posted = web
    job = replace(JOB, ledger=tmp_path / "ledger.sqlite")
    settings = Settings(
        file=tmp_path / "zoffsite.toml",
        state_dir=tmp_path,
        jobs={"home": job},
        heard_by={"home": (receiver(web_url(port)),)},
    )

    def drill(dataset: str, *, good: bool) -> list[str]:
        outcome = replace(SENT if good else FAILED, source=dataset)
        known: list[Known] = [Members(datasets=frozenset({"tank/a", "tank/b"})), outcome]
        what = Occasion(run="home-drill", how="a test", verb="drill")
        run_job(settings, job, what, Connections(), lambda _: known)
        return types(posted)

    ledger = Ledger(job.ledger, job.name)
    ledger.raise_alarms([replace(ALERT, code="drill-failed", subject="tank/a")])
    assert drill("tank/a", good=False) == ["failure"]
    assert drill("tank/b", good=True) == []
    assert drill("tank/a", good=True) == []
    ledger.acknowledge("tank/a")
    assert drill("tank/b", good=True) == ["success"]
