"""What these tests play on: a job of three small datasets, served as a deployment; and what is known of its runs."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from demo.environment import clean_environment
from demo.hosts import host_tables
from demo.server import PrefectServer
from lab import Lab
from tests.prefect.ui import Json, Ui, patiently

PASSWORD = "hunter2-is-in-the-url"
ROOT = "vault/zoffsite"

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

MISSED_RUN = "UPDATE flow_run SET expected_start_time = ?, next_scheduled_start_time = ? WHERE id = ?"
MISSED_STATE = """
UPDATE flow_run_state SET state_details = json_set(state_details, '$.scheduled_time', ?)
WHERE id = (SELECT state_id FROM flow_run WHERE id = ?)
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


@dataclass(frozen=True, kw_only=True)
class Killed:
    """A run that could say nothing any more: its id, and in how many seconds its processes were gone."""

    run: str
    gone_after: float


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
        mine = {"ZOFFSITE_STATE_DIR": str(self.folder / "state"), "PREFECT_RUNNER_POLL_FREQUENCY": "2"}
        return {**clean_environment(), **self.server.environment, **mine}

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

    @property
    def ui(self) -> Ui:
        """Of the server."""
        return Ui(self.server.url)

    def deployment(self, verb: str = "backup") -> Json:
        """The job's deployment of a flow, as soon as it is there."""
        return self.ui.deployment("home", verb)

    def trigger(self, verb: str = "backup", **parameters: Any) -> str:
        """Press Run; the id of the flow run."""
        return self.ui.run("home", verb, **parameters)

    def miss(self, verb: str, count: int) -> list[str]:
        """Let time pass: the runs that the server has made in advance were due on the last days. Oldest first."""
        now = datetime.now(UTC)
        due = {
            run["id"]: now - timedelta(days=count - number)
            for number, run in enumerate(self._made_in_advance(verb, count))
        }
        with closing(sqlite3.connect(self.server.log.parent / "prefect.db", timeout=30)) as database, database:
            for run, when in due.items():
                database.execute(MISSED_RUN, (f"{when:%Y-%m-%d %H:%M:%S.%f}",) * 2 + (run,))
                assert database.execute(MISSED_STATE, (when.isoformat(), run)).rowcount == 1
        return list(due)

    def _made_in_advance(self, verb: str, count: int) -> list[Json]:
        query = {
            "deployments": {"id": {"any_": [self.deployment(verb)["id"]]}},
            "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
            "sort": "EXPECTED_START_TIME_ASC",
        }
        for _ in patiently("runs made in advance"):
            runs: list[Json] = self.ui.api("/flow_runs/filter", query)
            if len(runs) >= count:
                return runs[:count]
        raise AssertionError

    def newest_command(self) -> Json:
        """The last run that was no deployment's, but a command's."""
        query = {"flow_runs": {"deployment_id": {"is_null_": True}}, "sort": "START_TIME_DESC", "limit": 1}
        return dict(self.ui.api("/flow_runs/filter", query)[0])

    def seen(self, run: Json, gone_after: float = 0.0, **process: Any) -> Seen:
        """All there is about a run that has ended. Prefect's clients send events and logs behind: these are awaited."""
        of_run = {"flow_runs": {"id": {"any_": [run["id"]]}}}
        for _ in patiently("the end of all task runs"):
            tasks = self.ui.api("/task_runs/filter", of_run)
            if run["state_type"] == "CRASHED" or all(task["state_type"] != "RUNNING" for task in tasks):
                break
        artifacts = self.ui.api("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run["id"]]}}})
        logs = self.ui.api("/logs/filter", {"logs": {"flow_run_id": {"any_": [run["id"]]}}, "sort": "TIMESTAMP_ASC"})
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
        for _ in patiently(f"bytes of {name}"):
            size = self.lab.box.try_run(arriving).out.strip()
            if before is not None and size.isdigit() and int(size) > before:
                return
            before = int(size) if before is None and size.isdigit() else before

    def wait_until_nothing_flows(self) -> float:
        """Until neither machine has a send or a receive; how many seconds that took."""
        began = time.monotonic()
        for _ in patiently("the end of the processes"):
            if not any(guest.run("pgrep -x zfs; true").strip() for guest in self.lab.guests):
                break
        return time.monotonic() - began

    def token(self, name: str) -> str:
        """The box's resume token, or "-"."""
        value = ["zfs", "get", "-Hpo", "value", "receive_resume_token", self.replica(name)]
        return self.lab.box.run(value).strip()
