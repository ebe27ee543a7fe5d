"""A box without a TPM 2.0, and the source that opens its disk: two machines, and the kit's tunnel between them."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from lab.firmware import disks
from lab.firmware.machine import Machine
from lab.firmware.system import system
from zoffsite.box.boot import boot_files
from zoffsite.box.entry import Entry
from zoffsite.box.kit import box_files, kit
from zoffsite.box.spec import Spec
from zoffsite.config import machines

from .owner import CMDLINE, OURS, START_S, WORDS, opened, past_firmware, put, starts

HOST: Final = "10.0.2.2"
"""Where a machine's user network ends: what is forwarded on the host's loopback can be reached there."""
BOX, SOURCE = "10.66.0.2", "10.66.0.1"
TIMER: Final = "zoffsite-friend-unlock.timer"
TUNNEL: Final = "zoffsite-friend-tunnel.service"
SEEN: Final = "/run/zoffsite-unlock-friend"
PLACE: Final = "/var/lib/zoffsite/unlock-friend.place"
_KEYS = "/etc/zoffsite/tunnel"
_UNITS = "zoffsite-firewall.service zoffsite-tunnel.service zoffsite-endpoint.timer"
# The tests look in, as nobody does at the friend's.
_OWN = {
    "/etc/zoffsite/firewall.d/lab.nft": Entry(text='add rule inet zoffsite input iifname "mgmt" tcp dport 22 accept\n'),
    "/etc/crypttab": Entry(text=f"root UUID={disks.UUID} none luks\n"),
    # In emulation, a TPM 1.2 that interrupts has kept Linux from everything else for minutes.
    CMDLINE: replace(WORDS, text=f"{WORDS.text.strip()} tpm_tis.interrupts=0\n"),
}


@dataclass(frozen=True)
class Far:
    """`source` is on, at home; `box` is off, at the friend's, with its disk enrolled.

    `ports` of the host lead to the initrd's sshd past the tunnel, if that lets anybody in: by the box's address in its
    network, and by the one in the tunnel.
    """

    source: Machine
    box: Machine
    ports: tuple[int, int]

    def unlock(self, verb: str) -> tuple[int, str]:
        """`unlock-friend VERB` on the source: its exit code, and all that it said."""
        done = self.source.shell.result(f"{OURS}/unlock-friend {verb}")
        return done.code, done.out + done.err

    def until(self, condition: str) -> None:
        """Wait until a command succeeds on the source."""
        self.source.shell.run(f"until {condition}; do sleep 1; done", timeout=START_S)


@contextmanager
def far(folder: Path, accel: str) -> Iterator[Far]:
    """Both set up as docs/how-to/lock-the-boot-chain.md says, by their owner."""
    port, *ports = free_ports()
    spec = _spec(port)
    source = Machine.new(folder / "source", accel, net=f"restrict=off,hostfwd=udp:127.0.0.1:{port}-10.0.2.15:{port}")
    shutil.copy(system("unlock").disk, source.system)
    source.system.chmod(0o600)
    ways = (f"hostfwd=tcp:127.0.0.1:{way}-{to}:2222" for way, to in zip(ports, ("10.0.2.15", BOX), strict=True))
    box = Machine.new(folder / "friend", accel, tpm="1.2", net=",".join(["restrict=off", *ways]))
    disks.luks(system("unlock").disk, box.system)
    with source.on(*past_firmware("root=/dev/vdb")) as console:
        assert starts(source, console) == "up"
        pairing = _install_source(source, spec)
        with opened(box, *past_firmware(f"rd.luks.name={disks.UUID}=root root=/dev/mapper/root rd.shell=0")):
            line = _install_box(box, spec, pairing)
            public = box.shell.run(f"wg pubkey <{_KEYS}/private.key").strip()
        source.shell.run(f"{OURS}/tunnel-friend /etc/zoffsite/tunnel-friend pair {public}")
        source.shell.run(f"{OURS}/unlock-friend take", stdin=f"{line}\n".encode())
        yield Far(source, box, (ports[0], ports[1]))


def _install_source(source: Machine, spec: Spec) -> Mapping[str, str]:
    """By the kit's own install; what it puts into the pairing, by name."""
    put(source, {f"/root/kit/{path}": entry for path, entry in kit(spec).items()})
    source.shell.run("/root/kit/source/install", timeout=START_S)
    names = ("source.pub", "preshared.key", "unlock.pub")
    return {name: source.shell.run(f"cat /root/kit/box/pairing/{name}") for name in names}


def _install_box(box: Machine, spec: Spec, pairing: Mapping[str, str]) -> str:
    """What its `install` does, without a pool; then the how-to's commands. Returns the line for the source."""
    shell = box.shell
    put(box, {**box_files(spec), **boot_files(), **_OWN})
    secrets = {
        f"{_KEYS}/peer.pub": Entry(text=pairing["source.pub"]),
        f"{_KEYS}/preshared.key": Entry(text=pairing["preshared.key"], mode=0o600),
        "/etc/zoffsite/unlock/source.pub": Entry(text=pairing["unlock.pub"]),
    }
    put(box, secrets)
    shell.run(f"umask 077; wg genkey >{_KEYS}/private.key; systemctl enable {_UNITS}")
    shell.run(f"{OURS}/secure-boot keys", timeout=START_S)
    said = shell.run(f"PASSWORD='{disks.TYPED}' {OURS}/network-unlock enrol", timeout=START_S)
    shell.run(f"{OURS}/secure-boot enrol", timeout=START_S)
    (line,) = (each for each in said.splitlines() if each.startswith("zoffsite-unlock1:"))
    return line


def _spec(port: int) -> Spec:
    account = machines.Account(
        user="zoffsite",
        root="vault/home",
        identity_file=Path("key"),
        floor=timedelta(days=30),
        minimum=3,
        quota=None,
        filesystem_limit=1000,
        snapshot_limit=50000,
    )
    machine = machines.Machine(
        name="friend",
        address=BOX,
        ssh_port=22,
        source_address=SOURCE,
        endpoints=("no-such-name.invalid", HOST),
        port=port,
        updates=True,
        accounts=(account,),
    )
    return Spec(
        machine=machine,
        keys={"zoffsite": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMERKkMTZA6OQs2mNTAC68xWf5DtojAJZYgCDIVWmyaN"},
    )


def free_ports() -> list[int]:
    """Of the host's loopback: one of UDP, two of TCP; taken as late as possible."""
    kinds = (socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_STREAM)
    found = []
    for kind in kinds:
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.bind(("127.0.0.1", 0))
            found.append(probe.getsockname()[1])
    return found
