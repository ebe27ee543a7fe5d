"""One guest: `source` or `box`. A handle on a folder, so that several processes can hold the same guest."""

from __future__ import annotations

import contextlib
import json
import secrets
import shlex
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from lab import disks, image, links, pools, power, qemu, state
from lab.errors import LabError
from lab.shell import ENOUGH_S, Command, Result, Shell

Role = Literal["source", "box"]
ROLES: Final[tuple[Role, ...]] = ("source", "box")
ADDRESS: Final = {"source": "10.77.0.1", "box": "10.77.0.2"}
_WAKE_S: Final = 120.0
_CLOCK_S: Final = 2.0


@dataclass(frozen=True)
class Guest:
    """A machine with real ZFS; `run` and what is built on it go over the management NIC."""

    folder: Path
    role: Role
    version: str
    accel: str
    mgmt_port: int
    uplink_port: int
    key_file: Path
    owner: int

    def write(self) -> None:
        """Leave a description for other processes."""
        facts = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}
        (self.folder / "guest.json").write_text(json.dumps(facts))

    @classmethod
    def read(cls, folder: Path) -> Guest:
        """The guest another process started."""
        facts = json.loads((folder / "guest.json").read_text())
        return cls(**{**facts, "folder": folder, "key_file": Path(facts["key_file"])})

    @property
    def address(self) -> str:
        """Its address on the wire between the guests."""
        return ADDRESS[self.role]

    @property
    def pool(self) -> str:
        """The pool that `reset` makes."""
        return pools.POOL[self.role]

    # -- commands

    def shell(self, user: str = "root") -> Shell:
        """Commands as another account, such as "zoffsite"."""
        return Shell(self.folder, self.mgmt_port, self.key_file, user)

    def run(self, command: Command, stdin: bytes = b"", timeout: float | None = ENOUGH_S, user: str = "root") -> str:
        """Run a list of words, or a line for the shell; returns its output, raises LabError when it fails."""
        return self.shell(user).run(command, stdin, timeout)

    def try_run(
        self, command: Command, stdin: bytes = b"", timeout: float | None = ENOUGH_S, user: str = "root"
    ) -> Result:
        """Run a command that may fail; returns code, out, err."""
        return self.shell(user).result(command, stdin, timeout)

    def popen(self, command: Command, user: str = "root") -> subprocess.Popen[bytes]:
        """Start a command and leave it running, with pipes to it."""
        return self.shell(user).popen(command)

    def put(self, data: bytes, path: str, mode: int = 0o644, owner: str = "root") -> None:
        """Write a file in the guest, and its folders."""
        where = shlex.quote(path)
        self.run(
            f'mkdir -p "$(dirname {where})" && cat >{where} && chmod {mode:o} {where} && chown {owner}: {where}', data
        )

    def get(self, path: str) -> bytes:
        """Read a file in the guest."""
        code, out, err = self.shell().raw(["cat", path])
        if code:
            raise LabError(f"read {path} in {self.role}", err.decode(errors="replace").strip())
        return out

    def host_key(self) -> str:
        """The public key of its sshd, "ssh-ed25519 AAAA…"."""
        return " ".join(self.get("/etc/ssh/ssh_host_ed25519_key.pub").decode().split()[:2])

    # -- power

    def is_on(self) -> bool:
        """Whether it is switched on."""
        return power.is_on(self.folder)

    def power_off(self) -> None:
        """Pull the plug. What the guest had not written to its disks is lost."""
        self.shell().close()
        power.stop(self.folder)

    def power_on(self, keep_root: bool = False, import_pools: bool = True) -> None:
        """Switch on with the same data disks.

        The root disk is a fresh one unless `keep_root`: then the guest boots cold, half a minute or more under
        software emulation, and everything in it is as it was when the plug was pulled.
        """
        self._start(keep_root)
        if import_pools:
            self.run("zpool import -a -f -d /dev/vdb1 -d /dev/vdc1", timeout=300)

    def restart_blank(self) -> None:
        """Like a machine just delivered: fresh root disk, blank data disks, then the pool."""
        self.power_off()
        disks.blank(self.folder)
        self._start(keep_root=False)
        self.run(pools.create_script(self.role))

    def _start(self, keep_root: bool) -> None:
        if self.is_on():
            raise LabError(f"switch {self.role} on", "it is on")
        for stale in self.folder.glob("ssh-*"):
            stale.unlink()
        built = image.ensure(self.version)
        saved = None if keep_root else state.ensure(built, self.accel)
        if saved is None or not self._continue(built, saved):
            self._boot(built, keep_root)
        self.run(self._become(), stdin=secrets.token_bytes(64))
        self.set_clock()

    def set_clock(self) -> None:
        """The host's time: a state remembers the time it was saved at."""
        for _ in range(10):
            before = time.time()
            self.run(["date", "-s", f"@{before + 0.1:.3f}"])
            # On a busy host the command may have waited: then it set a time that was past.
            if time.time() - before < _CLOCK_S:
                return
        raise LabError(
            f"set the clock of {self.role}", f"no command ends in {_CLOCK_S} s", "free the host's processors"
        )

    def _argv(self, built: image.Image) -> list[str]:
        other = next(role for role in ROLES if role != self.role)
        wire = (f"../wire-{self.role}", f"../wire-{other}")
        return qemu.machine(self.accel, built, wire, qemu.Ports(self.mgmt_port, self.uplink_port))

    def _continue(self, built: image.Image, saved: state.State) -> bool:
        """Wake from the saved state; False where that does not work."""
        disks.overlay(self.folder / "root.qcow2", saved.root, "qcow2")
        machine = self.folder / "machine"
        machine.unlink(missing_ok=True)
        machine.symlink_to(saved.machine)
        memory = qemu.memory_private(saved.memory)
        power.start(self.folder, [*self._argv(built), *memory, "-incoming", "defer"], self.owner)
        try:
            power.load(self.folder)
            self.shell().wait(_WAKE_S)
        except LabError as error:
            power.stop(self.folder)
            (self.folder / "no-state.log").write_text(str(error))
            return False
        return True

    def _boot(self, built: image.Image, keep_root: bool) -> None:
        if not keep_root:
            disks.overlay(self.folder / "root.qcow2", built.disk, "raw")
        power.start(self.folder, [*self._argv(built), *qemu.memory_blank()], self.owner)
        self.shell().wait(state.COLD_BOOT_S)

    def _become(self) -> str:
        """What a guest that woke from a shared state needs to be itself: randomness, name, address."""
        return (
            f"cat >/dev/urandom; hostname {self.role}; "
            f"echo {self.role} >/etc/hostname; "
            f"ip link set wire address 52:54:00:77:01:{ROLES.index(self.role):02x} up; "
            f"ip address replace {self.address}/24 dev wire; modprobe zfs"
        )

    # -- pools

    def reset(self) -> None:
        """Fresh pool, no other pool, no keys, no lab processes, whole wires; seconds.

        The rest of the root disk stays as it is: `restart_blank` renews that too.
        """
        if self.is_on():
            for nic in links.NICS:
                links.set_up(self.folder, nic, True)
            undelay = "".join(map(links.undelay_script, links.NICS))
            with contextlib.suppress(LabError):
                self.run(undelay + pools.reset_script(self.role))
                return
        self.restart_blank()

    def prepare_box(self, root_dataset: str = "vault/zoffsite", user: str = "zoffsite") -> None:
        """The root of the replicas, delegated to an account that is not root."""
        self.run(pools.box_script(root_dataset, user))

    def create_encrypted(self, name: str, **properties: str) -> None:
        """An encryptionroot with a raw key in /root/keys (no PBKDF2: fast); its children inherit."""
        self.run(pools.encrypted_script(name, properties))

    def fill_pool(self, dataset: str | None = None, leave: int = 0) -> None:
        """Fault: the pool of this dataset is full, but for `leave` bytes. At once, by reserving what is free."""
        self.run(pools.fill_script((dataset or self.pool).partition("/")[0], leave))

    def empty_pool(self, dataset: str | None = None) -> None:
        """End of that fault."""
        self.run(["zfs", "destroy", f"{(dataset or self.pool).partition('/')[0]}/{pools.FILLER}"])

    def kill(self, pattern: str, signal: str = "KILL") -> int:
        """Fault: signal every process whose command line contains the text; returns how many there were."""
        listing = self.run(["ps", "-eo", "pid=,args=", "-ww"]).splitlines()
        rows = [line.split(maxsplit=1) for line in listing]
        pids = [row[0] for row in rows if len(row) == 2 and pattern in row[1] and not row[1].startswith("[")]
        if pids:
            self.try_run(["kill", f"-{signal}", *pids])
        return len(pids)

    # -- wires

    def cut_uplink(self) -> None:
        """Silence on the way to the host: no FIN, no reset."""
        links.set_up(self.folder, "uplink", False)

    def restore_uplink(self) -> None:
        """Mend it; what waited in the guest goes on."""
        links.set_up(self.folder, "uplink", True)

    def delay_uplink(self, ms: float, kbit: int | None = None) -> None:
        """Longer round trips, narrower both ways; 0 ends it."""
        self.run(links.delay_script("uplink", ms, kbit))

    def cut_wire(self) -> None:
        """Silence between the guests."""
        links.set_up(self.folder, "wire", False)

    def restore_wire(self) -> None:
        """Mend it."""
        links.set_up(self.folder, "wire", True)

    def delay_wire(self, ms: float, kbit: int | None = None) -> None:
        """Longer round trips between the guests, narrower both ways; 0 ends it."""
        self.run(links.delay_script("wire", ms, kbit))

    def ssh_argv(self, command: Sequence[str] = (), user: str = "root") -> list[str]:
        """OpenSSH's command line, for use by hand."""
        tty = [] if command else ["-t"]
        return [*self.shell(user).argv, *tty, *command]
