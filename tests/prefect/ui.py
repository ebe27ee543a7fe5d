"""What a person does in Prefect's UI, by the same requests."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

Json = dict[str, Any]
BOUND = 120.0
"""Seconds after which a test gives up on what it waits for."""
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")


def patiently(what: str, bound: float = BOUND) -> Iterator[None]:
    """Look again and again, within bounds: neither ZFS nor Prefect tells when these happen."""
    deadline = time.monotonic() + bound
    while time.monotonic() < deadline:
        yield
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {bound:g} seconds")


@dataclass(frozen=True)
class Ui:
    """The UI of the server whose API is at `url`; `login` is USER:PASSWORD where it asks for one.

    `bound`: seconds after which a machine is given up; an emulated one takes its time.
    """

    url: str
    login: str = ""
    bound: float = BOUND

    def api(self, path: str, body: Json | None = None) -> Any:
        """GET, or POST of a body. 503 is SQLite's "busy": Prefect's own clients ask again, and so do we."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if self.login:
            headers["Authorization"] = f"Basic {b64encode(self.login.encode()).decode()}"
        request = urllib.request.Request(f"{self.url}{path}", data, headers)
        for _ in patiently(f"an answer to {path}", self.bound):
            try:
                with urllib.request.urlopen(request, timeout=self.bound) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                with error:
                    if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                        raise
        raise AssertionError

    def deployment(self, name: str, verb: str = "backup") -> Json:
        """A deployment of a flow, as soon as it is there."""
        query = {"deployments": {"name": {"any_": [name]}}, "flows": {"name": {"any_": [verb]}}}
        for _ in patiently(f"the deployment {verb}/{name}", self.bound):
            found = self.api("/deployments/filter", query)
            if found:
                return dict(found[0])
        raise AssertionError

    def run(self, name: str, verb: str = "backup", **parameters: Any) -> str:
        """Press Run; the id of the flow run."""
        body = {"parameters": {"job": "home", **parameters}}
        return str(self.api(f"/deployments/{self.deployment(name, verb)['id']}/create_flow_run", body)["id"])

    def cancel(self, run: str) -> None:
        """Press Cancel."""
        self.api(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})

    def wait_for(self, run: str, states: tuple[str, ...] = ENDED) -> Json:
        """The run, once it is in one of these states."""
        for _ in patiently(f"{states} of the flow run", self.bound):
            seen: Json = self.api(f"/flow_runs/{run}")
            if seen["state_type"] in states:
                return seen
        raise AssertionError
