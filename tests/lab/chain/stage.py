"""The `zoffsite` command as a user runs it, and a place of one's own on both machines."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.environment import clean_environment
from lab import Lab
from lab.guest import Guest

Json = dict[str, Any]
SLOW = {"ZOFFSITE_JOB__HOME__BANDWIDTH": "200 KB/s"}
ENDLESS = 300
"""Seconds after which a run is taken for one that never ends."""
SOME = 500_000
"""Bytes that must have arrived before a run is broken off: ZFS keeps nothing of a receive that has written nothing."""

SETTINGS = """\
[source.nas]
host = "127.0.0.1"
port = {source_port}
user = "{source_user}"
host_key = "{source_key}"
identity_file = "{identity}"
connect_timeout = "{patience}"
keepalive = "4s"

[box.friend]
host = "127.0.0.1"
port = {box_port}
user = "{box_user}"
host_key = "{box_key}"
identity_file = "{identity}"
root = "{root}"
connect_timeout = "{patience}"
keepalive = "4s"
{box}

[job.home]
source = "nas"
box = "friend"
datasets = [{datasets}]
exclude = [{exclude}]
stall = "10s"

[job.home.snapshots]
{snapshots}

[job.home.retries]
count = {retries}
first_wait = "0.2s"
longest_wait = "0.2s"

[job.home.keep.source]
{keep_source}

[job.home.keep.box]
{keep_box}
"""


@dataclass(frozen=True)
class Done:
    """How a `zoffsite …` ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> Any:
        """What it printed."""
        return json.loads(self.out)

    @property
    def said(self) -> str:
        """All that it said, its lines joined: messages are wrapped for people."""
        return " ".join(f"{self.out} {self.err}".split())


@dataclass
class Stage:
    """An encrypted tree `tree` on the source, a root `root` on the box, and settings that join them."""

    lab: Lab
    folder: Path
    tree: str
    root: str
    settings: dict[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def source(self) -> Guest:
        return self.lab.source

    @property
    def box(self) -> Guest:
        return self.lab.box

    def replica(self, dataset: str | None = None) -> str:
        """Where a dataset goes."""
        return f"{self.root}/{(dataset or self.tree).replace('/', ':')}"

    def configure(self, **changes: object) -> None:
        """Change some settings and write zoffsite.toml."""
        self.settings.update(changes)
        facts: dict[str, Any] = {
            "source_port": self.source.uplink_port,
            "source_user": "root",
            "source_key": self.source.host_key(),
            "box_port": self.box.uplink_port,
            "box_user": "zoffsite",
            "box_key": self.box.host_key(),
            "identity": self.lab.key_file,
            "root": self.root,
            "datasets": [self.tree],
            "exclude": [],
            "retries": 0,
            "patience": "20s",
            "snapshots": "",
            "keep_source": "last = 10",
            "box": "",
            "keep_box": "last = 10",
        } | self.settings
        for name in ("datasets", "exclude"):
            facts[name] = ", ".join(f'"{dataset}"' for dataset in facts[name])
        (self.folder / "zoffsite.toml").write_text(SETTINGS.format(**facts))

    def start(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start `zoffsite …`."""
        ours = {"ZOFFSITE_STATE_DIR": str(self.folder / "state"), **self.environment}
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("zoffsite")), *words],
            cwd=self.folder,
            env={**clean_environment(), **ours, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        """Kill what a test that failed has left running, or stopped."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def zoffsite(self, *words: str, expect: int = 0, env: Mapping[str, str] | None = None) -> Done:
        """Run `zoffsite …` to its end; the exit code must be `expect`, and there is never a traceback."""
        began = time.monotonic()
        return self.finish(self.start(*words, env=env), expect, began)

    def finish(self, process: subprocess.Popen[str], expect: int, began: float = 0.0) -> Done:
        """Wait for a started `zoffsite …`."""
        try:
            out, err = process.communicate(timeout=ENDLESS)
        except subprocess.TimeoutExpired:
            process.kill()  # or it would hold the job's lock against all tests after this one
            raise AssertionError("it did not end", process.communicate()) from None
        done = Done(process.returncode, out, err, time.monotonic() - began)
        assert "Traceback" not in out + err, out + err
        assert done.code == expect, f"exit code {done.code}, expected {expect}\n{out}\n{err}"
        return done

    def backup(self, *words: str, expect: int = 0, env: Mapping[str, str] | None = None) -> Json:
        """`zoffsite backup --json`: its report."""
        report: Json = self.zoffsite("backup", "--direct", "--json", *words, expect=expect, env=env).json
        assert report["exit_code"] == expect
        return report

    def plan(self, dataset: str | None = None) -> Json:
        """What is planned for one dataset, by default the tree itself."""
        whole = self.zoffsite("plan", "--json").json
        return next(each for each in whole["datasets"] if each["source"] == (dataset or self.tree))

    def part(self, report: Json, dataset: str | None = None) -> Json:
        """One dataset's part of a report."""
        return next(each for each in report["datasets"] if each["source"] == (dataset or self.tree))

    def write(self, name: str, size: str, dataset: str | None = None) -> None:
        """A new file of random bytes."""
        path = shlex.quote(f"/{dataset or self.tree}/{name}")
        self.source.run(f"head -c {size} /dev/urandom > {path}; zpool sync tank")

    def token(self, dataset: str | None = None) -> str:
        """The resume token of a dataset's replica, by default the tree's, or "-"."""
        replica = self.replica(dataset)
        return self.box.try_run(["zfs", "get", "-Hpo", "value", "receive_resume_token", replica]).out.strip()

    def held(self, dataset: str | None = None) -> int:
        """Bytes that the box holds of a dataset's replica, by default the tree's, an unfinished receive included."""
        replica = self.replica(dataset)
        return sum(int(row) for row in self.box.try_run(f"zfs list -Hpo used {replica}/%recv {replica}").out.split())

    def under_way(
        self, *words: str, dataset: str | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """A run in the middle of a transfer, slowed down: the box has some of it on its disk, more is to come."""
        before = self.held(dataset)
        run = self.start("backup", "--direct", "--json", *words, env={**SLOW, **(env or {})})
        arrived = lambda: self.held(dataset) > before + SOME or run.poll() is not None  # noqa: E731
        await_true(arrived, "the box has some of it")
        # What is counted may still be on its way to the disk: without a power supply it would be gone.
        self.box.run(["zpool", "sync", self.root.partition("/")[0]])
        assert run.poll() is None, run.communicate()
        return run

    def guids(self, guest: Guest, dataset: str) -> list[str]:
        """The snapshots of a dataset, oldest first."""
        rows = guest.run(["zfs", "list", "-Hpd1", "-t", "snapshot", "-o", "guid", "-s", "createtxg", dataset])
        return rows.split()

    def names(self, guest: Guest, dataset: str, kind: str = "snapshot") -> list[str]:
        """What is after the @ or # of them."""
        rows = guest.run(["zfs", "list", "-Hpd1", "-t", kind, "-o", "name", "-s", "createtxg", dataset]).splitlines()
        return [row.split("@" if kind == "snapshot" else "#")[1] for row in rows]

    def sent_by_box(self, name: str, dataset: str | None = None) -> bytes:
        """What the box would send of a snapshot of a dataset's replica, by default the tree's."""
        with self.box.popen(["zfs", "send", "-w", f"{self.replica(dataset)}@{name}"]) as sender:
            assert sender.stdout is not None
            return sender.stdout.read()

    def restore(self, dataset: str, name: str, key: str) -> str:
        """Send the replica of `dataset` back as tank/`name`, with its key: the property the restore drill proves."""
        stream = self.sent_by_box(self.names(self.box, self.replica(dataset))[-1], dataset)
        target = f"tank/{name}"
        self.source.run(["zfs", "receive", "-u", target], stdin=stream)
        self.source.run(["zfs", "load-key", "-L", f"file:///root/keys/{key.replace('/', '_')}", target])
        return target


def await_true(what: Callable[[], object], why: str, seconds: float = ENDLESS) -> None:
    """Wait until something on a guest is so: the machine offers no event to wait for."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"never happened: {why}"
        time.sleep(0.1)


def processes(guest: Guest, words: Sequence[str] = ("zfs send", "zfs receive")) -> list[str]:
    """The command lines on a guest that hold any of `words`."""
    rows = guest.run(["ps", "-eo", "args=", "-ww"]).splitlines()
    return [row for row in rows if any(word in row for word in words)]
