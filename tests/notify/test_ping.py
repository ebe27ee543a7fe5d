"""The dead man's switch, against a real web server on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any

import pytest
from pydantic import SecretStr

from zoffsite import ping as module
from zoffsite.ping import LONGEST, Signal, ping

from .servers import PASSWORD, free_port

Pings = SimpleQueue[tuple[str, str, str]]
Answer = Callable[[BaseHTTPRequestHandler], None]


def fine(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"OK")


@contextmanager
def ping_server(*answers: Answer) -> Iterator[tuple[int, Pings]]:
    """A server that gives each request the next answer, the last one again and again; what was asked of it."""
    asked: Pings = SimpleQueue()
    left = list(answers or (fine,))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.put((self.command, self.path, body))
            (left.pop(0) if len(left) > 1 else left[0])(self)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def url(port: int, tail: str = "") -> SecretStr:
    return SecretStr(f"http://127.0.0.1:{port}/{PASSWORD}/home{tail}")


@pytest.mark.parametrize("signal", Signal)
def test_each_signal_is_posted_to_its_own_path_with_the_body(signal: Signal) -> None:
    with ping_server() as (port, asked):
        assert ping(url(port), signal, "what happened") is None
    assert asked.get_nowait() == ("POST", f"/{PASSWORD}/home{signal.value}", "what happened")
    assert asked.empty()


def test_a_slash_at_the_end_and_a_query_stay_where_they_belong() -> None:
    with ping_server() as (port, asked):
        assert ping(url(port, "/?create=1"), Signal.FAILURE) is None
    assert asked.get_nowait()[1] == f"/{PASSWORD}/home/fail?create=1"


def test_of_a_long_body_the_end_arrives() -> None:
    with ping_server() as (port, asked):
        assert ping(url(port), Signal.FAILURE, "a" * LONGEST + "the end") is None
    body = asked.get_nowait()[2]
    assert len(body) == LONGEST
    assert body.endswith("athe end")


def test_a_service_that_stumbles_once_is_asked_again() -> None:
    with ping_server(lambda handler: handler.send_error(503), fine) as (port, asked):
        assert ping(url(port), Signal.SUCCESS) is None
    assert asked.qsize() == 2


@pytest.mark.parametrize("status", [404, 500])
def test_a_service_that_refuses_is_told_by_its_status(status: int) -> None:
    with ping_server(lambda handler: handler.send_error(status)) as (port, _):
        assert ping(url(port), Signal.SUCCESS) == f"HTTP status {status}"


def test_a_redirection_is_not_followed_wherever_it_leads() -> None:
    def away(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "file:///etc/passwd")
        handler.end_headers()

    with ping_server(away) as (port, asked):
        assert ping(url(port), Signal.SUCCESS) == "HTTP status 302"
    assert asked.qsize() == 2


def test_nobody_there_is_told_as_such() -> None:
    assert ping(url(free_port()), Signal.SUCCESS) == "Connection refused"


def test_a_service_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert ping(url(silent.getsockname()[1]), Signal.START) == "no answer in time"


def test_a_service_that_speaks_no_http_is_an_answer_without_the_url() -> None:
    def babble(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(f"{PASSWORD}\r\n\r\n".encode())

    with ping_server(babble) as (port, _):
        said = ping(url(port), Signal.SUCCESS)
    assert said == "BadStatusLine"


@pytest.mark.parametrize("wrong", ["file:///etc/passwd", "ftp://host/x", f"http://[{PASSWORD}", f"{PASSWORD}", ""])
def test_what_is_no_web_address_is_never_opened_nor_shown(wrong: str) -> None:
    said = ping(SecretStr(wrong), Signal.SUCCESS)
    assert said is not None
    assert PASSWORD not in said
