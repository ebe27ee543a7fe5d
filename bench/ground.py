"""What all tools work on: the same datasets, replicas and way to them; made once, used by each in turn.

The tools run on the build machine and drive both guests over SSH as root, with the same key, cipher and pinned host
keys. The delay is on the box's side only. The bench itself uses a guest's other NIC, neither delayed nor counted.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lab import Lab
from lab.guest import Guest

BELOW = "vault/x"
SMALL = 4096
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


@dataclass(frozen=True)
class Tree:
    """What is there before: `snapshots` of each of the datasets, the last one with `size` bytes in it that are new.

    `arrived`: how many of the snapshots the box has when a tool begins; None: all. `kept`: how many it may keep.
    """

    name: str
    datasets: int
    snapshots: int
    size: int = SMALL
    arrived: int | None = None
    kept: int = 10000

    @property
    def source(self) -> str:
        """The parent of the datasets."""
        return f"tank/{self.name}"

    @property
    def replicas(self) -> str:
        """The parent of the replicas."""
        return f"{BELOW}/{self.name}"

    @property
    def names(self) -> tuple[str, ...]:
        """Of the datasets, below their parent."""
        return tuple(f"d{number:04}" for number in range(1, self.datasets + 1))

    @property
    def shape(self) -> str:
        """In words."""
        of = "" if self.size == SMALL else f" of {self.size >> 20} MiB"
        return f"{self.datasets} × {self.snapshots}{of}"


@dataclass
class Ground:
    """`taken`: how many snapshots each of the datasets has had.

    `prefect`: the variables by which a command finds the Prefect server, while one is up.
    """

    lab: Lab
    folder: Path
    tree: Tree
    taken: int = 0
    prefect: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> Guest:
        return self.lab.source

    @property
    def box(self) -> Guest:
        return self.lab.box

    def prepare(self) -> None:
        """Make all, unless it is there from an earlier run on the same lab."""
        self._write_ssh()
        tree = self.tree
        found = self.source.try_run(f"zfs get -Ho value zoffsite:bench {tree.source}").out.strip()
        if found == tree.shape:
            rows = self.source.run(f"zfs list -Hd1 -t snapshot -o name {tree.source}/{tree.names[0]}").split()
            self.taken = len(rows)
            return
        if found:
            raise SystemExit(f"{tree.source} has another shape ({found}) in this lab; next: scripts/lab reset")
        self._create()
        for number in range(1, tree.snapshots + 1):
            self.write(tree.size if number == tree.snapshots else SMALL)
            self.snapshot()
        self._replicate()
        self.source.run(["zfs", "set", f"zoffsite:bench={tree.shape}", tree.source])

    def renew(self) -> None:
        """The box has what it had in the beginning, and we remember nothing of it."""
        self.box.run(f"zfs destroy -r {self.tree.replicas}; zpool sync vault", timeout=600)
        shutil.rmtree(self.folder / "state", ignore_errors=True)
        self._replicate()

    def snapshot(self) -> str:
        """One more of every dataset; its name."""
        name = name_of(self.taken)
        self.source.run(["zfs", "snapshot", "-r", f"{self.tree.source}@{name}"])
        self.taken += 1
        return name

    def write(self, size: int = SMALL) -> None:
        """A change in every dataset: so many bytes."""
        write = f"for d in /{self.tree.source}/d*; do head -c {size} /dev/urandom >$d/file; done; zpool sync tank"
        self.source.run(write, timeout=3600)

    def arrived(self, name: str) -> int:
        """How many replicas have this snapshot with the same guid."""
        return len(self._guids(self.source, self.tree.source, name) & self._guids(self.box, self.tree.replicas, name))

    def link(self, ms: float, kbit: int | None = None) -> None:
        """Set the way between this machine and the box."""
        self.box.delay_uplink(ms, kbit)

    def _guids(self, guest: Guest, parent: str, name: str) -> set[str]:
        full = [f"{parent}/{each}@{name}" for each in self.tree.names]
        return set(guest.try_run(["zfs", "get", "-Hpo", "value", "guid", *full], timeout=600).out.split())

    def _create(self) -> None:
        tree = self.tree
        self.source.create_encrypted(tree.source)
        self.source.run(f"for d in {' '.join(tree.names)}; do zfs create {tree.source}/$d; done", timeout=3600)
        self.source.run(f"zfs set autobackup:{tree.name}=child {tree.source}")
        self.box.run(f"zfs create -p -o canmount=off -o readonly=on {BELOW}")

    def _replicate(self) -> None:
        """All replicas at once, by a stream that no tool here sends; each of them finds the same."""
        tree = self.tree
        arrived = tree.snapshots if tree.arrived is None else tree.arrived
        if not arrived:
            self.box.run(f"zfs create -o canmount=off {tree.replicas}")
            return
        send = f"zfs send -w -R {tree.source}@{name_of(arrived - 1)}"
        pipe(self.source.ssh_argv([send]), self.box.ssh_argv([f"zfs receive -u {tree.replicas}"]))

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
