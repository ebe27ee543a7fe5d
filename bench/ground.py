"""What all tools work on: the same datasets, replicas and way to them; made once, used by each in turn.

The tools run on the build machine and drive both guests over SSH as root, with the same key, cipher and pinned host
keys. The delay is on the box's side only. The bench itself uses a guest's other NIC, neither delayed nor counted.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lab import Lab
from lab.guest import Guest

TREE = "tank/b"
BELOW = "vault/x"
REPLICAS = f"{BELOW}/b"
START = datetime(2026, 1, 1, tzinfo=UTC)
PREFIX = "zoffsite-home-"

SSH = """\
Host {alias}
    HostName 127.0.0.1
    Port {port}
    User root
    HostKeyAlias {alias}
"""
ALL_HOSTS = """\
Host *
    IdentityFile {key}
    IdentitiesOnly yes
    UserKnownHostsFile {known}
    StrictHostKeyChecking yes
    BatchMode yes
    Compression no
    Ciphers aes128-gcm@openssh.com
"""


@dataclass
class Ground:
    """`names` are the datasets below TREE; `taken` how many snapshots each of them has had.

    `prefect`: the variables by which a command finds the Prefect server, while one is up.
    """

    lab: Lab
    folder: Path
    datasets: int
    snapshots: int
    taken: int = 0
    prefect: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.names = tuple(f"d{number:04}" for number in range(1, self.datasets + 1))

    @property
    def source(self) -> Guest:
        return self.lab.source

    @property
    def box(self) -> Guest:
        return self.lab.box

    def prepare(self) -> None:
        """Make all, unless it is there from an earlier run on the same lab."""
        self._write_ssh()
        found = self.source.try_run(f"zfs get -Ho value zoffsite:bench {TREE}").out.strip()
        wanted = f"{self.datasets}x{self.snapshots}"
        if found == wanted:
            rows = self.source.run(f"zfs list -Hd1 -t snapshot -o name {TREE}/{self.names[0]}").split()
            self.taken = len(rows)
            return
        if found:
            raise SystemExit(f"this lab has the bench's datasets in another shape ({found}); next: scripts/lab reset")
        self._create()
        for _ in range(self.snapshots):
            self.snapshot()
        self._replicate()
        self.source.run(f"zfs set zoffsite:bench={wanted} {TREE}")

    def snapshot(self) -> str:
        """One more of every dataset; its name."""
        name = name_of(self.taken)
        self.source.run(["zfs", "snapshot", "-r", f"{TREE}@{name}"])
        self.taken += 1
        return name

    def write(self, size: int = 4096) -> None:
        """A small change in every dataset."""
        self.source.run(f"for d in /{TREE}/d*; do head -c {size} /dev/urandom >$d/file; done; zpool sync tank")

    def arrived(self, name: str) -> int:
        """How many replicas have this snapshot with the same guid."""
        return len(self._guids(self.source, TREE, name) & self._guids(self.box, REPLICAS, name))

    def link(self, ms: float, kbit: int | None = None) -> None:
        """Set the way between this machine and the box."""
        self.box.delay_uplink(ms, kbit)

    def _guids(self, guest: Guest, parent: str, name: str) -> set[str]:
        full = [f"{parent}/{each}@{name}" for each in self.names]
        return set(guest.try_run(["zfs", "get", "-Hpo", "value", "guid", *full], timeout=600).out.split())

    def _create(self) -> None:
        self.source.create_encrypted(TREE)
        names = " ".join(self.names)
        self.source.run(f"for d in {names}; do zfs create {TREE}/$d; done", timeout=1200)
        self.source.run(f"zfs set autobackup:bench=child {TREE}")
        self.write()
        self.box.run(f"zfs create -o canmount=off -o readonly=on {BELOW}")

    def _replicate(self) -> None:
        """All replicas at once, by a stream that no tool here sends; each of them finds the same."""
        send = f"zfs send -w -R {TREE}@{name_of(self.taken - 1)}"
        argv = (self.source.ssh_argv([send]), self.box.ssh_argv([f"zfs receive -u {REPLICAS}"]))
        pipe(*argv)

    def _write_ssh(self) -> None:
        hosts = {"nas": self.source, "friend": self.box}
        known = self.folder / "known_hosts"
        known.write_text("".join(f"{alias} {guest.host_key()}\n" for alias, guest in hosts.items()))
        parts = [SSH.format(alias=alias, port=guest.uplink_port) for alias, guest in hosts.items()]
        self.ssh_config.write_text("".join(parts) + ALL_HOSTS.format(key=self.lab.key_file, known=known))
        wrapper = self.folder / "bin/ssh"
        wrapper.parent.mkdir(exist_ok=True)
        wrapper.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {shlex.quote(str(self.ssh_config))} "$@"\n')
        wrapper.chmod(0o755)

    @property
    def ssh_config(self) -> Path:
        """What every tool's ssh reads: nobody has another cipher, key or host key than the others."""
        return self.folder / "bzfs_ssh_config"


def name_of(number: int) -> str:
    """Names that zoffsite takes for its own, and that the others take like any."""
    return f"{PREFIX}{START + timedelta(hours=number):%Y-%m-%dT%H:%M:%SZ}"


def pipe(sender: Sequence[str], receiver: Sequence[str]) -> None:
    """Two lines of shell, without a shell."""
    with subprocess.Popen(sender, stdout=subprocess.PIPE) as sending:
        subprocess.run(receiver, stdin=sending.stdout, check=True)
    if sending.returncode:
        raise SystemExit(f"{sender[-1]}: exit code {sending.returncode}")
