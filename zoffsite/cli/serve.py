"""`zoffsite status --serve`: metrics and status over HTTP, on loopback only."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from zoffsite.cli.context import console, jobs_of
from zoffsite.cli.status import look
from zoffsite.config.loading import load
from zoffsite.model.errors import ExitCode, OperationError
from zoffsite.model.overview import Overview
from zoffsite.views.metrics import metrics_text
from zoffsite.views.overview import overview_json

METRICS = "text/plain; version=0.0.4; charset=utf-8"
OURS = ("127.0.0.1", "localhost")
"""Under another name, a web page that is open in a browser here could have its own name point to loopback, and read."""
PATIENCE = 10.0
"""Seconds that a client has to ask its question."""

Looks = Callable[[], Sequence[Overview]]


class Kept:
    """Looks at both sides at most every so often, whoever asks; others wait for the look that is under way."""

    def __init__(self, looks: Looks, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._looks = looks
        self._every = every
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: tuple[float, Sequence[Overview]] | None = None

    def __call__(self) -> Sequence[Overview]:
        """What was seen last, if that is not too long ago."""
        with self._lock:
            if self._seen is None or self._clock() - self._seen[0] >= self._every:
                seen = self._looks()
                self._seen = (self._clock(), seen)
            return self._seen[1]


def serve_status(name: str | None, port: int, every: int) -> ExitCode:
    """Answer until Ctrl-C."""
    settings = load()
    jobs = jobs_of(settings, name)
    with server(port, Kept(lambda: look(settings, jobs), every)) as serving:
        console(stderr=True).print(f"http://127.0.0.1:{serving.server_address[1]}/metrics and /status; Ctrl-C ends it")
        serving.serve_forever()
    return ExitCode.OK


def server(port: int, looks: Looks) -> ThreadingHTTPServer:
    """A server on loopback that is ready to serve; OperationError where the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE

        def do_GET(self) -> None:
            if self.headers.get("Host", "").rpartition(":")[0] not in OURS:
                self.send_error(403, "this is only for this machine")
                return
            answer = {"/metrics": _metrics, "/status": _status}.get(self.path)
            if answer is None:
                self.send_error(404, "there are /metrics and /status")
                return
            kind, body = answer(looks())
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ARG002 (theirs)
            return

    try:
        return ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        problem = f"port {port} on loopback cannot be used ({error.strerror})"
        raise OperationError("serve", "the status", problem, "name another: --serve 9812", code="port-taken") from error


def _metrics(seen: Sequence[Overview]) -> tuple[str, bytes]:
    return METRICS, metrics_text(seen)


def _status(seen: Sequence[Overview]) -> tuple[str, bytes]:
    tree = [overview_json(each) for each in seen]
    return "application/json", f"{json.dumps(tree, indent=2, ensure_ascii=False)}\n".encode()
