"""A TPM on the workbench, without a machine around it: what firmware, stub and systemd measure is measured by hand, so
that the kit's policy is tried in seconds. systemd's and cryptsetup's own programs do the rest."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from zoffsite.box.boot import SCRIPTS
from zoffsite.box.parts import script

PASSPHRASE = "typed"
MEASURE = "/usr/lib/systemd/systemd-measure"
VENDOR = "8be4df61-93ca-11d2-aa0d-00e098032b8c"


@dataclass
class Bench:
    """`folder`: the disk, your keys, what the firmware says; `port`: where its TPM answers while it is on."""

    folder: Path
    port: int = 0

    @property
    def disk(self) -> Path:
        """LUKS2, opened by PASSPHRASE."""
        return self.folder / "disk"

    def make(self) -> None:
        """A disk, a key for policies, and the kit's scripts, which find all of it here."""
        with self.disk.open("wb") as file:
            file.truncate(20 << 20)
        cheap = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
        self.run(
            "cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2", *cheap, str(self.disk), "-", say=PASSPHRASE
        )
        (self.folder / "boot").mkdir()
        self.new_key()
        (self.folder / "boot/db.key").write_text("there")
        self._kit()

    def new_key(self) -> None:
        """For policies."""
        key, public = self.folder / "boot/pcr.key", self.folder / "boot/pcr.pub"
        self.run(
            "openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(key)
        )
        self.run("openssl", "pkey", "-in", str(key), "-pubout", "-out", str(public))

    def firmware(self, *, secure_boot: bool) -> None:
        """What it says of Secure Boot; it was our stub that started the system."""
        (self.folder / f"SecureBoot-{VENDOR}").write_bytes(bytes([6, 0, 0, 0, secure_boot]))

    @contextmanager
    def on(self, chip: str = "tpm", *, power_cut: bool = False) -> Iterator[None]:
        """It is on: a TPM with empty registers. Another `chip` is another machine. `power_cut`: how it ends."""
        state = self.folder / chip
        state.mkdir(exist_ok=True)
        self.port = _two_ports()
        ends = [f"type=tcp,port={port},bindaddr=127.0.0.1" for port in (self.port, self.port + 1)]
        argv = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--server", ends[0], "--ctrl", ends[1]]
        argv += ["--flags", "not-need-init,startup-clear"]
        with subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *argv], stdin=subprocess.DEVNULL) as process:
            try:
                self._wait()
                yield
                if not power_cut:  # As Linux does, when there is time.
                    self.run("tpm2_shutdown", "--clear")
            finally:
                process.kill()

    def measure(self, register: int, data: bytes) -> None:
        """Extend a register."""
        self.run("tpm2_pcrextend", f"{register}:sha256={hashlib.sha256(data).hexdigest()}")

    def start(self, secure_boot: str, sections: Mapping[str, bytes], *phases: str) -> None:
        """As firmware and stub measure a start; then the phases of systemd that have begun."""
        self.measure(7, secure_boot.encode())
        for name, data in sections.items():
            self.measure(11, f".{name}\0".encode())
            self.measure(11, data)
        for phase in phases:
            self.measure(11, phase.encode())

    def sign(self, sections: Mapping[str, bytes], phase: str = "enter-initrd") -> None:
        """As the kit signs a kernel for the TPM; where the disk is opened, this is what the stub hands on."""
        files = []
        for name, data in sections.items():
            (self.folder / name).write_bytes(data)
            files.append(f"--{name}={self.folder / name}")
        keys = [f"--private-key={self.folder}/boot/pcr.key", f"--public-key={self.folder}/boot/pcr.pub"]
        device = f"--tpm2-device={self.device}"
        said = self.run(MEASURE, "sign", *files, *keys, "--bank=sha256", f"--phase={phase}", device)
        (self.folder / "signatures").mkdir(exist_ok=True)
        (self.folder / "signatures/tpm2-pcr-signature.json").write_text(said)

    def script(self, *words: str, password: str = PASSPHRASE) -> subprocess.CompletedProcess[str]:
        """One of the kit's scripts, as root of a namespace."""
        argv = ["unshare", "--user", "--map-root-user", "sh", f"{self.folder}/kit/{words[0]}", *words[1:]]
        return self._do(argv, "", {"PASSWORD": password})

    def opens(self) -> bool:
        """Whether the TPM gives the disk's key. It is asked for as systemd-cryptsetup does, but no device is made."""
        asking = f"{self.disk} {self.device} {self.folder}/signatures/tpm2-pcr-signature.json"
        argv = [sys.executable, str(Path(__file__).with_name("ask.py")), *asking.split()]
        done = self._do(argv, "", {"SYSTEMD_LOG_LEVEL": "debug"})
        assert done.returncode in (0, 1), done.stderr
        assert "lockout" not in done.stderr, done.stderr
        return done.returncode == 0

    def run(self, *argv: str, say: str = "") -> str:
        """A command that must not fail."""
        done = self._do(argv, say, {})
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    @property
    def device(self) -> str:
        """As systemd and tpm2-tools name it."""
        return f"swtpm:host=127.0.0.1,port={self.port}"

    def _do(
        self, argv: tuple[str, ...] | list[str], say: str, more: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
        chip = {"SYSTEMD_TPM2_DEVICE": self.device, "TPM2TOOLS_TCTI": self.device, "PATH": path}
        environment = {**os.environ, **chip, **more}
        return subprocess.run(
            argv, input=say, capture_output=True, text=True, check=False, env=environment, timeout=120
        )

    def _wait(self) -> None:
        deadline = time.monotonic() + 10
        while self._do(("tpm2_pcrread", "sha256:7"), "", {}).returncode:
            assert time.monotonic() < deadline, "no TPM answers"
            time.sleep(0.05)  # swtpm tells nobody when it listens

    def _kit(self) -> None:
        """The scripts as they are; only where they look is here."""
        folder = self.folder / "kit"
        folder.mkdir()
        places = {
            "PATH=/usr/sbin": f"PATH={folder}:/usr/sbin",
            "boot=/etc/zoffsite/boot": f"boot={self.folder}/boot",
            "efivars=/sys/firmware/efi/efivars": f"efivars={self.folder}",
            "signature=/run/systemd": f"signature={self.folder}",
        }
        for name in SCRIPTS:
            text = script(name)
            for was, now in places.items():
                text = text.replace(was, now)
            (folder / name).write_text(text)
        for name, says in {"findmnt": "/dev/mapper/root", "lsblk": f"{self.disk} crypto_LUKS"}.items():
            (folder / name).write_text(f"#!/bin/sh\necho {says}\n")
            (folder / name).chmod(0o755)
        (self.folder / "StubPcrKernelImage-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f").touch()


def _two_ports() -> int:
    """A free port of the loopback whose neighbour is free, too: a TPM needs both."""
    for _ in range(100):
        with socket.create_server(("127.0.0.1", 0)) as first:
            port: int = first.getsockname()[1]
            try:
                socket.create_server(("127.0.0.1", port + 1)).close()
            except (OSError, OverflowError):
                continue
            return port
    raise OSError("no two free ports")


def bench(folder: Path) -> Bench:
    """With Secure Boot on."""
    made = Bench(folder)
    made.make()
    made.firmware(secure_boot=True)
    return made
