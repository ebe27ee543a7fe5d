"""The disks of a machine, from outside: an EFI system partition, and a system encrypted as an installer would do it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final
from uuid import uuid4

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from lab.errors import LabError

TYPED: Final = "as typed at the installation"
UUID: Final = "0a4c41cf-5a1e-4b1e-8b1e-440b29bb8c4f"
_SECTOR: Final = 4096
_DATA: Final = 16 << 20
_ESP: Final = 128 << 20
_PART: Final = 1 << 20


def esp(disk: Path) -> None:
    """A GPT with one empty EFI system partition."""
    with disk.open("wb") as file:
        file.truncate(_ESP + 2 * _PART)
    table = f"label: gpt\nstart={_PART // 512}, size={_ESP // 512}, type=U\n"
    _run("sfdisk", "--quiet", str(disk), say=table)
    _run("mkfs.vfat", "-F", "32", "-n", "ESP", f"--offset={_PART // 512}", str(disk), str(_ESP // 1024), say="")


def mtools(program: str, disk: Path, *arguments: str, say: str = "") -> str:
    """Do something with its files, which mtools write as "::/EFI/Linux"."""
    return _run(program, "-i", f"{disk}@@{_PART}", *arguments, say=say)


def luks(plain: Path, disk: Path, uuid: str = UUID) -> None:
    """`disk` becomes a LUKS2 volume with what is in `plain`; no device mapper is needed for it."""
    key = os.urandom(64)
    keyfile = disk.with_suffix(".key")
    try:
        keyfile.write_bytes(key)
        with disk.open("wb") as file:
            file.truncate(_DATA + plain.stat().st_size)
        # A cheap key derivation: under emulation the real one takes minutes.
        options = ["--type=luks2", "--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000", f"--uuid={uuid}"]
        options += ["--cipher=aes-xts-plain64", "--key-size=512", f"--volume-key-file={keyfile}"]
        options += [f"--sector-size={_SECTOR}", f"--offset={_DATA // 512}", "--batch-mode"]
        _run("cryptsetup", "luksFormat", *options, str(disk), "-", say=TYPED)
    finally:
        keyfile.unlink(missing_ok=True)
    with plain.open("rb") as source, disk.open("r+b") as target:
        target.seek(_DATA)
        for number in range(plain.stat().st_size // _SECTOR):
            tweak = (number * _SECTOR // 512).to_bytes(16, "little")
            sector = Cipher(algorithms.AES(key), modes.XTS(tweak)).encryptor()
            target.write(sector.update(source.read(_SECTOR)))


def new_uuid(disk: Path) -> None:
    """A LUKS volume that nobody looks for."""
    _run("cryptsetup", "luksUUID", "--batch-mode", f"--uuid={uuid4()}", str(disk), say="")


def _run(*argv: str, say: str) -> str:
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin", "MTOOLS_SKIP_CHECK": "1"}
    done = subprocess.run(argv, input=say, capture_output=True, text=True, check=False, env=environment, timeout=120)
    if done.returncode:
        raise LabError(f"run {argv[0]}", done.stderr.strip()[-400:])
    return done.stdout
