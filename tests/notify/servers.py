"""A mail server and a web server on loopback that keep what they get."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import SecretStr

USER, PASSWORD = "alerts", "hunter2-never-shown"
Posted = SimpleQueue[dict[str, Any]]


class Mailbox:
    """What arrived, as (session's login, envelope's recipients, message)."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append((list(envelope.rcpt_tos), mail))
        return "250 kept"


def free_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def mail_url(port: int, password: str = PASSWORD, extra: str = "") -> SecretStr:
    """The apprise URL of `mail_server`."""
    address = "mode=insecure&from=zoffsite@example.org&to=me@example.org"
    return SecretStr(f"mailto://{USER}:{password}@127.0.0.1:{port}?{address}{extra}")


def web_url(port: int) -> SecretStr:
    """The apprise URL of `web_server`."""
    return SecretStr(f"json://{USER}:{PASSWORD}@127.0.0.1:{port}/hook/{PASSWORD}")


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: Any) -> AuthResult:
    right = isinstance(login, LoginPassword) and (login.login, login.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@contextmanager
def mail_server() -> Iterator[tuple[int, Mailbox]]:
    """A real SMTP server that wants a login; its port, and where the mails go."""
    mailbox = Mailbox()
    port = free_port()
    # A login without TLS is what a warning is for, and what a server on loopback wants.
    server = Controller(
        mailbox, "127.0.0.1", port, authenticator=_authenticate, auth_required=True, auth_require_tls=False
    )
    server.start()
    try:
        yield port, mailbox
    finally:
        server.stop()


@contextmanager
def web_server(status: int = 200) -> Iterator[tuple[int, Posted]]:
    """A web server that answers every POST with `status`; its port, and the JSON that was posted."""
    posted: Posted = SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))  # how often it looks for the end
    thread.start()
    try:
        yield server.server_address[1], posted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
