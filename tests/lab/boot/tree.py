"""A box's system without a machine around it: a real Debian with real kernel, initrd, OpenZFS and tools, in a folder.

Only what asks about disks is a stand-in; the TPM is one on the workbench.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import paths
from lab.firmware.recipe import LAB, RECIPES
from lab.firmware.system import system
from zoffsite.box.boot import boot_files

from .bench import Bench

_BOOTCTL = """\
#!/bin/sh
cd /boot/efi
case $1 in
    --print-esp-path) pwd ;;
    is-installed) test -e EFI/systemd ;;
    install) mkdir -p EFI/systemd EFI/BOOT EFI/Linux loader ;;
esac
"""
_FINDMNT = '#!/bin/sh\ncase "$*" in *FSROOT*) echo / ;; *) echo /dev/mapper/root ;; esac\n'
_LSBLK = """\
#!/bin/sh
case "$*" in
    *FSTYPE*) printf '/dev/mapper/root ext4\\n/dev/sda2 crypto_LUKS\\n' ;;
    *TYPE*) printf 'root crypt\\nsda2 part\\n' ;;
    *) echo 0a4c41cf-5a1e-4b1e-8b1e-440b29bb8c4f ;;
esac
"""
_ENTER = """\
mount -t tmpfs none dev
: >dev/null && mount --bind /dev/null dev/null
: >dev/tpmrm0
mount --rbind /proc proc
exec chroot . sh -euc "$1"
"""
MEASURED = ("linux", "osrel", "cmdline", "initrd", "pcrpkey")
"""What systemd's stub measures of a file, in its order."""


@dataclass(frozen=True)
class Tree:
    """`folder`: its root; `bench`: its TPM, which must be on."""

    folder: Path
    bench: Bench

    def make(self) -> None:
        """As installed, with the kit's files."""
        system()
        self.folder.mkdir()
        for name in (f"boot-{RECIPES['boot'].packages_key}", f"{LAB.version}-{LAB.packages_key}"):
            wanted = ["./usr/lib/modules/*/updates"] if name.startswith(LAB.version) else ["--exclude=./dev/*"]
            archive = paths.images() / f"packages-{name}.tar.zst"
            unpack = ["tar", "-x", "--zstd", "--wildcards", "-f", str(archive), "-C", str(self.folder), *wanted]
            self._namespace(unpack)
        for path, entry in boot_files().items():
            self._put(path, entry.text, entry.mode)
        for path, text in {"bootctl": _BOOTCTL, "findmnt": _FINDMNT, "lsblk": _LSBLK}.items():
            self._put(f"/usr/bin/{path}", text, 0o755)
        (self.folder / "boot/efi").mkdir()
        self.run("depmod $(ls /lib/modules)")

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """As its root."""
        return self._namespace(["sh", "-euc", _ENTER, "sh", f"cd /usr/local/lib/zoffsite; {script}"])

    @property
    def startable(self) -> list[Path]:
        """The signed files, the newest first."""
        files = (self.folder / "boot/efi/EFI/Linux").glob("zoffsite-*.efi")
        return sorted(files, key=lambda file: int(file.stem.partition("+")[0].rpartition("-")[2]), reverse=True)

    def sections(self, file: Path) -> Mapping[str, bytes]:
        """Of a signed file, by their names."""
        found = {}
        for name in (*MEASURED, "pcrsig"):
            out = self.bench.folder / "section"
            self.bench.run("objcopy", "-O", "binary", f"--only-section=.{name}", str(file), str(out))
            found[name] = out.read_bytes()
        return found

    def _put(self, path: str, text: str, mode: int) -> None:
        file = self.folder / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def _namespace(self, argv: list[str]) -> subprocess.CompletedProcess[str]:
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user", "--map-auto"]
        environment = {**os.environ, "SYSTEMD_TPM2_DEVICE": self.bench.device}
        return subprocess.run(
            ["unshare", *user, "--mount", *argv],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
