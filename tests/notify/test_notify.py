"""Messages, through real servers on loopback."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from html import unescape

import apprise
import pytest
from pydantic import SecretStr

from tests.views.values import ERROR, FAILED, GOOD, PARTIAL, STARTED, STOPPED
from zoffsite.model.alert import AlertKind
from zoffsite.notify import deliver, receiver_name
from zoffsite.views.messages import Message, failure_message, recovery_message, trial_message

from .servers import PASSWORD, Mailbox, Posted, free_port, mail_server, mail_url, web_server, web_url

pytestmark = [
    # A mail server that wants a login without TLS is right here, and nowhere else.
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning"),
]
FAILURE = failure_message(PARTIAL)


@pytest.fixture
def mail() -> Iterator[tuple[int, Mailbox]]:
    with mail_server() as server:
        yield server


@pytest.fixture
def web() -> Iterator[tuple[int, Posted]]:
    with web_server() as server:
        yield server


def test_a_failure_arrives_as_a_mail_that_says_what_failed_and_what_to_do(mail: tuple[int, Mailbox]) -> None:
    port, mailbox = mail
    assert deliver(mail_url(port), FAILURE, AlertKind.FAILURE) is None
    ((recipients, message),) = mailbox.mails
    assert recipients == ["me@example.org"]
    assert message["Subject"] == "zoffsite home: 1 of 2 datasets failed"
    assert (message["From"], message["To"]) == ("zoffsite@example.org", "me@example.org")
    assert message["Date"]
    plain = message.get_body(("plain",))
    assert plain is not None
    text = "\n".join(plain.get_content().splitlines())
    assert text.strip() == FAILURE.body


def test_a_mail_in_html_brings_plain_text_that_says_the_same(mail: tuple[int, Mailbox]) -> None:
    port, mailbox = mail
    assert deliver(mail_url(port, extra="&format=html"), FAILURE, AlertKind.FAILURE) is None
    ((_, message),) = mailbox.mails
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert "\n".join(plain.get_content().splitlines()).strip() == FAILURE.body
    shown = unescape(html.get_content().replace("<br/>", "\n")).replace("\xa0", " ")
    assert shown.strip() == FAILURE.body


def test_a_mail_in_html_shows_what_the_box_said_as_text(mail: tuple[int, Mailbox]) -> None:
    port, mailbox = mail
    hostile = replace(FAILED, error=replace(ERROR, message="<img src=x onerror=y> & more"))
    message = failure_message(replace(PARTIAL, datasets=(hostile,)))
    assert deliver(mail_url(port, extra="&format=html"), message, AlertKind.FAILURE) is None
    ((_, arrived),) = mailbox.mails
    html = arrived.get_body(("html",))
    assert html is not None
    assert "&lt;img" in html.get_content()
    assert "<img" not in html.get_content()


@pytest.mark.parametrize(
    ("kind", "message", "shown"),
    [
        (AlertKind.FAILURE, failure_message(STOPPED), "failure"),
        (AlertKind.RECOVERY, recovery_message(GOOD, STARTED), "success"),
        (AlertKind.WARNING, Message(title="t", body="b"), "warning"),
        (AlertKind.DIGEST, Message(title="t", body="b"), "info"),
        (None, trial_message("home"), "info"),
    ],
)
def test_each_kind_arrives_at_a_webhook_as_what_it_is(
    web: tuple[int, Posted], kind: AlertKind | None, message: Message, shown: str
) -> None:
    port, posted = web
    assert deliver(web_url(port), message, kind) is None
    arrived = posted.get(timeout=10)
    assert (arrived["title"], arrived["message"], arrived["type"]) == (message.title, message.body, shown)


def test_a_refused_login_is_told_as_such(mail: tuple[int, Mailbox]) -> None:
    port, mailbox = mail
    assert deliver(mail_url(port, "wrong"), FAILURE, AlertKind.FAILURE) == "not delivered (535, authentication)"
    assert mailbox.mails == []


@pytest.mark.parametrize("status", [403, 500])
def test_a_webhook_that_refuses_is_a_failure(status: int) -> None:
    with web_server(status) as (port, _):
        assert deliver(web_url(port), FAILURE, AlertKind.FAILURE) == f"not delivered (error={status})"


def test_nobody_there_and_no_url_at_all_are_told_apart() -> None:
    assert deliver(mail_url(free_port()), FAILURE, None) == "not delivered (connection refused)"
    assert deliver(SecretStr(f"nonsense://{PASSWORD}"), FAILURE, None) == "apprise does not understand it"


def test_words_of_the_message_are_not_taken_for_the_reason() -> None:
    report = replace(STOPPED, error=replace(ERROR, message="send: connection reset, authentication, error=418"))
    with web_server(503) as (port, _):
        assert deliver(web_url(port), failure_message(report), AlertKind.FAILURE) == "not delivered (error=503)"


def test_a_plugin_that_breaks_off_is_told_without_what_it_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(*args: object, **kwargs: object) -> bool:
        raise RuntimeError(PASSWORD)

    monkeypatch.setattr(apprise.Apprise, "notify", break_off)
    assert deliver(web_url(1), FAILURE, AlertKind.FAILURE) == "apprise broke off (RuntimeError)"


def test_no_secret_reaches_any_log_even_at_the_most_talkative(
    mail: tuple[int, Mailbox],
    web: tuple[int, Posted],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.DEBUG):
        urls = [mail_url(mail[0]), mail_url(free_port()), web_url(web[0]), SecretStr(f"json:///{PASSWORD}")]
        said = [(receiver_name(1, url), deliver(url, FAILURE, AlertKind.FAILURE)) for url in urls]
    ours = "".join(record.getMessage() for record in caplog.records if not record.name.startswith("mail"))
    captured = capfd.readouterr()
    assert PASSWORD not in ours + captured.out + captured.err + repr(said)


def test_the_logger_of_apprise_is_left_as_it_was(web: tuple[int, Posted]) -> None:
    logger = logging.getLogger("apprise")
    before = (logger.level, logger.propagate, list(logger.handlers))
    deliver(web_url(web[0]), FAILURE, None)
    assert (logger.level, logger.propagate, list(logger.handlers)) == before


@pytest.mark.parametrize("url", ["mailto://u:p@host", "TGRAM://bottoken/x", "://x", PASSWORD])
def test_a_url_is_called_by_its_number_and_scheme(url: str) -> None:
    scheme = {"m": "mailto", "T": "tgram"}.get(url[0], "no scheme")
    assert receiver_name(3, SecretStr(url)) == f"3 ({scheme})"


@pytest.mark.parametrize("answer", [True, False])
def test_what_apprise_answers_is_judged_by_its_truth_as_version_2_returns_an_object(
    monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    class Answer:
        def __bool__(self) -> bool:
            return answer

    monkeypatch.setattr(apprise.Apprise, "notify", lambda *args, **kwargs: Answer())
    assert (deliver(web_url(1), FAILURE, None) is None) is answer
