from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from deployments.waiting import await_server


class Starting(BaseHTTPRequestHandler):
    """A server that is not ready when it is first asked."""

    answers = (503, 200)
    asked: list[str] = []  # noqa: RUF012 - of the one test that uses it

    def do_GET(self) -> None:
        code = self.answers[len(self.asked)]
        self.asked.append(self.path)
        self.send_response(code)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


def test_what_needs_the_server_waits_until_it_answers_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    with HTTPServer(("127.0.0.1", 0), Starting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{server.server_port}/api")
        await_server()
        server.shutdown()
    assert Starting.asked == ["/api/health", "/api/health"]
