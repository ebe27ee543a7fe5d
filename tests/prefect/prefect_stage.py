"""What these tests play on: a job of three small datasets, served as a deployment; and what is known of its runs."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from demo.hosts import host_tables
from demo.server import PrefectServer
from lab import Lab

Json = dict[str, Any]
PASSWORD = "hunter2-is-in-the-url"
ROOT = "vault/zoffsite"
BOUND = 120.0
"""Seconds after which a test gives up on what it waits for."""

SETTINGS = """\
[job.home]
source = "nas"
box = "friend"
datasets = ["tank/enc/a", "tank/enc/b", "tank/enc/c"]
{bandwidth}

[job.home.retries]
count = 1
first_wait = "1s"

[job.home.schedule]
cron = "30 2 * * *"
verify = "0 12 * * *"
timezone = "Europe/Berlin"
"""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is known of a flow run afterwards: at the server, and of the process if it was a command."""

    run: Json
    tasks: Mapping[str, Json]
    artifacts: Mapping[str, Json]
    logs: tuple[str, ...]
    report: Json
    lock: str
    gone_after: float = 0.0
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""

    def dataset(self, name: str) -> Json:
        """A dataset's part of the report."""
        (found,) = [each for each in self.report["datasets"] if each["source"] == f"tank/enc/{name}"]
        return dict(found)


@dataclass(frozen=True)
class Stage:
    """The machines, the server, and a folder as a user would have it."""

    lab: Lab
    server: PrefectServer
    folder: Path

    def prepare(self) -> None:
        """Three encrypted datasets with a file each, and a box for them."""
        self.lab.source.create_encrypted("tank/enc")
        self.lab.source.run("for each in a b c; do zfs create tank/enc/$each; done")
        self.write_files("a", "b", "c", size="300K")
        self.lab.box.prepare_box(ROOT)
        self.write_settings()
        (self.folder / ".env").write_text(f'ZOFFSITE_NOTIFY_URLS="json://admin:{PASSWORD}@127.0.0.1:9/"\n')
        (self.folder / ".env").chmod(0o600)

    def write_settings(self, bandwidth: str | None = None) -> None:
        """zoffsite.toml: every run reads it anew."""
        job = SETTINGS.format(bandwidth=f'bandwidth = "{bandwidth}"' if bandwidth else "")
        (self.folder / "zoffsite.toml").write_text(f"{host_tables(self.lab, ROOT)}\n{job}")

    def write_files(self, *names: str, size: str = "3M", into: str | None = None) -> None:
        """A file of random bytes in the dataset of its name, or in `into`."""
        for name in names:
            self.lab.source.run(f"head -c {size} /dev/urandom > /tank/enc/{into or name}/{name}-{size}")
        self.lab.source.run(["zpool", "sync"])

    def replica(self, name: str) -> str:
        """Where the box keeps a dataset."""
        return f"{ROOT}/tank:enc:{name}"

    @property
    def environment(self) -> dict[str, str]:
        """Of our commands. Nothing is said about zoffsite's log lines: that they reach the UI is ours to see to."""
        return {**os.environ, **self.server.environment, "ZOFFSITE_STATE_DIR": str(self.folder / "state")}

    def zoffsite(self, *words: str) -> subprocess.Popen[str]:
        """Start the command in our folder."""
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("zoffsite")), *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def serving(self) -> Iterator[None]:
        """`python -m deployments.serve`, until the block ends."""
        with (self.folder / "serve.log").open("wb") as log:
            argv = ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", "deployments.serve"]
            process = subprocess.Popen(argv, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)

    @property
    def serve_log(self) -> str:
        """What serving has said so far."""
        return (self.folder / "serve.log").read_text()

    # What a UI does.

    def api(self, path: str, body: Json | None = None) -> Any:
        """GET, or POST of a body. 503 is SQLite's "busy": Prefect's own clients ask again, and so do we."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.server.url}{path}", data, {"Content-Type": "application/json"})
        for _ in self._patiently(f"an answer to {path}"):
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                with error:
                    if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                        raise
        raise AssertionError

    def deployment(self, verb: str = "backup") -> Json:
        """The job's deployment of a flow, as soon as it is there."""
        query = {"deployments": {"name": {"any_": ["home"]}}, "flows": {"name": {"any_": [verb]}}}
        for _ in self._patiently("the deployment"):
            found = self.api("/deployments/filter", query)
            if found:
                return dict(found[0])
        raise AssertionError

    def trigger(self, verb: str = "backup", **parameters: Any) -> str:
        """Press Run; the id of the flow run."""
        body = {"parameters": {"job": "home", **parameters}}
        return str(self.api(f"/deployments/{self.deployment(verb)['id']}/create_flow_run", body)["id"])

    def miss(self, verb: str, count: int) -> list[str]:
        """Let time pass: the runs that the server has made in advance were due on the last days. Oldest first."""
        due = {
            run["id"]: f"{datetime.now(UTC) - timedelta(days=count - number):%Y-%m-%d %H:%M:%S.%f}"
            for number, run in enumerate(self._made_in_advance(verb, count))
        }
        with closing(sqlite3.connect(self.server.log.parent / "prefect.db", timeout=30)) as database, database:
            for run, when in due.items():
                change = "UPDATE flow_run SET expected_start_time = ?, next_scheduled_start_time = ? WHERE id = ?"
                assert database.execute(change, (when, when, run)).rowcount == 1
        return list(due)

    def _made_in_advance(self, verb: str, count: int) -> list[Json]:
        query = {
            "deployments": {"id": {"any_": [self.deployment(verb)["id"]]}},
            "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
            "sort": "EXPECTED_START_TIME_ASC",
        }
        for _ in self._patiently("runs made in advance"):
            runs: list[Json] = self.api("/flow_runs/filter", query)
            if len(runs) >= count:
                return runs[:count]
        raise AssertionError

    def cancel(self, run: str) -> None:
        """Press Cancel."""
        self.api(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})

    def wait_for(self, run: str) -> Json:
        """The run, once it has ended."""
        for _ in self._patiently("the end of the flow run"):
            seen: Json = self.api(f"/flow_runs/{run}")
            if seen["state_type"] in ("COMPLETED", "FAILED", "CANCELLED", "CRASHED"):
                return seen
        raise AssertionError

    def newest_command(self) -> Json:
        """The last run that was no deployment's, but a command's."""
        query = {"flow_runs": {"deployment_id": {"is_null_": True}}, "sort": "START_TIME_DESC", "limit": 1}
        return dict(self.api("/flow_runs/filter", query)[0])

    def seen(self, run: Json, gone_after: float = 0.0, **process: Any) -> Seen:
        """All there is about a run that has ended. Prefect's clients send events and logs behind: these are awaited."""
        of_run = {"flow_runs": {"id": {"any_": [run["id"]]}}}
        for _ in self._patiently("the end of all task runs"):
            tasks = self.api("/task_runs/filter", of_run)
            if run["state_type"] == "CRASHED" or all(task["state_type"] != "RUNNING" for task in tasks):
                break
        artifacts = self.api("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run["id"]]}}})
        logs = self.api("/logs/filter", {"logs": {"flow_run_id": {"any_": [run["id"]]}}, "sort": "TIMESTAMP_ASC"})
        return Seen(
            run=run,
            tasks={task["name"]: task for task in tasks},
            artifacts={artifact["key"]: artifact for artifact in artifacts},
            logs=tuple(line["message"] for line in logs),
            report=json.loads((self.folder / "state/reports/home.json").read_text()),
            lock=(self.folder / "state/locks/home.lock").read_text(),
            gone_after=gone_after,
            **process,
        )

    # What goes on between the machines.

    def wait_until_bytes_flow(self, name: str) -> None:
        """Until what the box has received of a dataset grows."""
        arriving = ["zfs", "get", "-Hpo", "value", "referenced", f"{self.replica(name)}/%recv"]
        before: int | None = None
        for _ in self._patiently(f"bytes of {name}"):
            size = self.lab.box.try_run(arriving).out.strip()
            if before is not None and size.isdigit() and int(size) > before:
                return
            before = int(size) if before is None and size.isdigit() else before

    def wait_until_nothing_flows(self) -> float:
        """Until neither machine has a send or a receive; how many seconds that took."""
        began = time.monotonic()
        for _ in self._patiently("the end of the processes"):
            if not any(guest.run("pgrep -x zfs; true").strip() for guest in self.lab.guests):
                break
        return time.monotonic() - began

    def token(self, name: str) -> str:
        """The box's resume token, or "-"."""
        value = ["zfs", "get", "-Hpo", "value", "receive_resume_token", self.replica(name)]
        return self.lab.box.run(value).strip()

    @staticmethod
    def _patiently(what: str) -> Iterator[None]:
        """Look again and again, within bounds: neither ZFS nor Prefect tells when these happen."""
        deadline = time.monotonic() + BOUND
        while time.monotonic() < deadline:
            yield
            time.sleep(0.2)
        raise AssertionError(f"{what}: not within {BOUND:g} seconds")
