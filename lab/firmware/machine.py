"""A machine with UEFI firmware that knows Secure Boot, and a TPM; its folder: what is on its board and its disks."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lab import image, power, qemu
from lab.firmware import console, disks, tpm
from lab.firmware.console import Console
from lab.recipe import MACS
from lab.shell import Shell
from lab.state import free_ports

OVMF: Final = Path("/usr/share/OVMF")
CODE: Final = OVMF / "OVMF_CODE_4M.secboot.fd"
VARS: Final = OVMF / "OVMF_VARS_4M.fd"
"""No keys in it: Setup Mode, as after "clear all keys" in a firmware's settings."""


FIRMWARE: Final = "vars.fd"
_OFF_S: Final = 180.0


@dataclass(frozen=True)
class Machine:
    """One process uses it at a time. `port`: of the host's loopback, leads to its sshd once it is up.

    `tpm`: its version. `net`: more for QEMU's network; a machine sees nobody unless it says so.
    """

    folder: Path
    accel: str
    port: int
    tpm: str = "2.0"
    net: str = "restrict=on"

    @classmethod
    def new(cls, folder: Path, accel: str, **more: str) -> Machine:
        """A disk with one empty partition, for what the firmware starts; a firmware without keys."""
        machine = cls(folder, accel, free_ports(1)[0], **more)
        folder.mkdir(mode=0o700)
        shutil.copy(VARS, machine.vars)
        disks.esp(machine.esp)
        return machine

    def copy(self, folder: Path, new: str = "") -> Machine:
        """All of it once more, while it is off. `new`: what is not copied, FIRMWARE or `tpm.STATE`, but another one."""
        left = shutil.ignore_patterns("*.sock", "qmp", console.SOCKET, "ssh-*", *([new] if new else []))
        shutil.copytree(self.folder, folder, ignore=left)
        if new == FIRMWARE:
            shutil.copy(VARS, folder / FIRMWARE)
        return replace(self, folder=folder, port=free_ports(1)[0])

    @property
    def vars(self) -> Path:
        """The firmware's memory."""
        return self.folder / FIRMWARE

    @property
    def esp(self) -> Path:
        """The disk that the firmware starts from."""
        return self.folder / "esp.raw"

    @property
    def system(self) -> Path:
        """The encrypted disk; a machine whose system is never reached goes without."""
        return self.folder / "system.raw"

    @property
    def shell(self) -> Shell:
        """Commands as root, once it is up."""
        return Shell(self.folder, self.port, image.key_file())

    @contextlib.contextmanager
    def on(self, *more: str) -> Iterator[Console]:
        """Switched on while the block runs. `more`: for QEMU's command line."""
        with tpm.tpm(self.folder, self.tpm), console.listen(self.folder) as listener:
            power.start(self.folder, [*self._argv(), *more])
            try:
                with console.answer(listener) as answered:
                    yield answered
            finally:
                self.shell.close()
                power.stop(self.folder)

    def shut_down(self, answered: Console) -> None:
        """As by its power button: everything is on the disks afterwards."""
        self.shell.result("systemctl poweroff")
        answered.end(_OFF_S)

    def _argv(self) -> list[str]:
        # One processor: with two, Linux has hung in emulation.
        argv = [*qemu.processor("lab-boot", self.accel), "-smp", "1", "-m", "1024M"]
        argv += ["-machine", "q35,smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on"]
        argv += ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={CODE}"]
        argv += ["-drive", f"if=pflash,unit=1,format=raw,file={self.vars.name}"]
        for place, file in enumerate(each for each in (self.esp, self.system) if each.exists()):
            argv += attach(f"disk{place}", file, f",bootindex={place + 1}")
        net = f"user,id=mgmt,net=10.0.2.0/24,{self.net},hostfwd=tcp:127.0.0.1:{self.port}-10.0.2.15:22"
        argv += ["-netdev", net, "-device", f"virtio-net-pci,netdev=mgmt,mac={MACS['mgmt']},romfile="]
        return [*argv, *console.QEMU, *tpm.qemu_words(self.tpm), *qemu.CONTROL, "-no-reboot"]


def attach(name: str, file: Path, more: str = "") -> tuple[str, ...]:
    """One disk more, of the machine's own folder."""
    drive = f"if=none,id={name},file={file.name},format=raw,cache=unsafe"
    return "-drive", drive, "-device", f"virtio-blk-pci,drive={name}{more}"
