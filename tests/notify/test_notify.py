"""Alerts, through real servers on loopback."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from queue import SimpleQueue
from typing import Any

import apprise
import pytest
from pydantic import SecretStr

from tests.views.values import ERROR, FAILED, GOOD, NOTED, NOTICE, PARTIAL, STARTED, STOPPED
from zoffsite.model.report import RunReport
from zoffsite.notify import NotifyResult, notify, notify_test

from .servers import PASSWORD, USER, Mailbox, free_port, mail_server, web_server

pytestmark = [
    # A mail server that wants a login without TLS is right here, and nowhere else.
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning"),
]

Posted = SimpleQueue[dict[str, Any]]


@pytest.fixture
def mail() -> Iterator[tuple[int, Mailbox]]:
    with mail_server() as server:
        yield server


@pytest.fixture
def web() -> Iterator[tuple[int, Posted]]:
    with web_server() as server:
        yield server


def mail_url(port: int, password: str = PASSWORD, extra: str = "") -> SecretStr:
    address = "mode=insecure&from=zoffsite@example.org&to=me@example.org"
    return SecretStr(f"mailto://{USER}:{password}@127.0.0.1:{port}?{address}{extra}")


def web_url(port: int) -> SecretStr:
    return SecretStr(f"json://{USER}:{PASSWORD}@127.0.0.1:{port}/hook/{PASSWORD}")


def test_a_failure_arrives_as_a_mail_that_says_what_failed_and_what_to_do(mail: tuple[int, Mailbox]) -> None:
    port, mailbox = mail
    assert notify([mail_url(port)], PARTIAL, GOOD) == NotifyResult(sent=1)
    ((recipients, message),) = mailbox.mails
    assert recipients == ["me@example.org"]
    assert message["Subject"] == "zoffsite home: 1 of 2 datasets failed"
    assert (message["From"], message["To"]) == ("zoffsite@example.org", "me@example.org")
    assert message["Date"]
    plain = message.get_body(("plain",))  # beside HTML or alone, as the version of apprise has it
    assert plain is not None
    text = "\n".join(plain.get_content().splitlines())
    assert "tank/b: send tank/b: no byte moved\nNext: zoffsite backup" in text


def test_a_mail_in_html_shows_what_the_box_said_as_text(mail: tuple[int, Mailbox]) -> None:
    port, mailbox = mail
    hostile = replace(FAILED, error=replace(ERROR, message="<img src=x onerror=y> & more"))
    assert notify([mail_url(port, extra="&format=html")], replace(PARTIAL, datasets=(hostile,)), GOOD)
    ((_, message),) = mailbox.mails
    html = message.get_body(("html",))
    assert html is not None
    assert "&lt;img" in html.get_content()
    assert "<img" not in html.get_content()


def test_a_failure_arrives_at_a_webhook(web: tuple[int, Posted]) -> None:
    port, posted = web
    assert notify([web_url(port)], STOPPED, None) == NotifyResult(sent=1)
    message = posted.get(timeout=10)
    assert message["title"] == "zoffsite home: backup failed"
    assert message["type"] == "failure"
    assert "Next: zoffsite backup" in message["message"]


def test_the_first_good_run_after_a_failed_one_is_told_with_since_when(web: tuple[int, Posted]) -> None:
    port, posted = web
    since = STARTED - timedelta(days=3)
    assert notify([web_url(port)], GOOD, PARTIAL, since=since).sent == 1
    message = posted.get(timeout=10)
    assert (message["title"], message["type"]) == ("zoffsite home: backup works again", "success")
    assert "2026-11-20" in message["message"]


@pytest.mark.parametrize("previous", [None, GOOD])
def test_a_good_run_after_a_good_one_is_not_told(web: tuple[int, Posted], previous: RunReport | None) -> None:
    port, posted = web
    assert notify([web_url(port)], GOOD, previous) == NotifyResult()
    assert posted.empty()


def test_a_good_run_is_told_when_a_notice_of_it_alerts(web: tuple[int, Posted]) -> None:
    port, posted = web
    assert notify([web_url(port)], NOTED, GOOD).sent == 1
    assert posted.get(timeout=10)["title"] == "zoffsite home: look at tank/a"
    assert notify([web_url(port)], replace(GOOD, notices=(NOTICE,)), GOOD).sent == 0


def test_every_failed_run_is_told_not_only_the_first(web: tuple[int, Posted]) -> None:
    port, posted = web
    assert notify([web_url(port)], PARTIAL, PARTIAL).sent == 1
    assert posted.get(timeout=10)["type"] == "failure"


def test_a_trial_arrives_and_says_that_nothing_failed(web: tuple[int, Posted]) -> None:
    port, posted = web
    assert notify_test([web_url(port)], "home") == NotifyResult(sent=1)
    assert "Nothing has failed" in posted.get(timeout=10)["message"]


def test_one_url_that_fails_stops_no_other_and_is_named_without_its_secret(web: tuple[int, Posted]) -> None:
    port, posted = web
    dead = mail_url(free_port())
    result = notify([dead, web_url(port), SecretStr(f"nonsense://{PASSWORD}")], PARTIAL, None)
    assert (result.sent, bool(result)) == (1, False)
    assert result.reason == (
        "URL 1 (mailto): not delivered (connection refused); URL 3 (nonsense): apprise does not understand it"
    )
    assert posted.get(timeout=10)["type"] == "failure"


def test_a_refused_login_is_told_as_such(mail: tuple[int, Mailbox]) -> None:
    port, mailbox = mail
    result = notify([mail_url(port, "wrong")], PARTIAL, None)
    assert not result
    assert result.reason == "URL 1 (mailto): not delivered (535, authentication)"
    assert mailbox.mails == []


@pytest.mark.parametrize("status", [403, 500])
def test_a_webhook_that_refuses_is_a_failure(status: int) -> None:
    with web_server(status) as (port, _):
        assert notify([web_url(port)], PARTIAL, None).reason == f"URL 1 (json): not delivered (error={status})"


def test_words_of_the_message_are_not_taken_for_the_reason() -> None:
    report = replace(STOPPED, error=replace(ERROR, message="send: connection reset, authentication, error=418"))
    with web_server(503) as (port, _):
        assert notify([web_url(port)], report, None).reason == "URL 1 (json): not delivered (error=503)"


def test_a_plugin_that_breaks_off_breaks_no_backup(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(*args: object, **kwargs: object) -> bool:
        raise RuntimeError(PASSWORD)

    monkeypatch.setattr(apprise.Apprise, "notify", break_off)
    assert notify([web_url(1)], PARTIAL, None).reason == "URL 1 (json): apprise broke off (RuntimeError)"


def test_no_secret_reaches_any_log_even_at_the_most_talkative(
    mail: tuple[int, Mailbox],
    web: tuple[int, Posted],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.DEBUG):
        urls = [mail_url(mail[0]), mail_url(free_port()), web_url(web[0]), SecretStr(f"json:///{PASSWORD}")]
        result = notify(urls, PARTIAL, None)
    ours = "".join(record.getMessage() for record in caplog.records if not record.name.startswith("mail"))
    captured = capfd.readouterr()
    assert PASSWORD not in ours + captured.out + captured.err + repr(result)


def test_the_logger_of_apprise_is_left_as_it_was(web: tuple[int, Posted]) -> None:
    logger = logging.getLogger("apprise")
    before = (logger.level, logger.propagate, list(logger.handlers))
    notify_test([web_url(web[0])], "home")
    assert (logger.level, logger.propagate, list(logger.handlers)) == before


def test_without_urls_nothing_is_sent_and_nothing_is_wrong() -> None:
    assert notify([], PARTIAL, None) == NotifyResult()


@pytest.mark.parametrize("answer", [True, False])
def test_what_apprise_answers_is_judged_by_its_truth_as_version_2_returns_an_object(
    monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    class Answer:
        def __bool__(self) -> bool:
            return answer

    monkeypatch.setattr(apprise.Apprise, "notify", lambda *args, **kwargs: Answer())
    assert bool(notify([web_url(1)], PARTIAL, None)) is answer
