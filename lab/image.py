"""Builds the disk of a guest from Debian's packages, once, and keeps it in the cache."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab import mirror, paths
from lab.errors import LabError
from lab.progress import Progress
from lab.recipe import SUITE, Recipe, recipe

NEEDED: Final = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "zstd": "zstd",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "setpriv": "util-linux",
}
_LEFT_OUT: Final = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*")


@dataclass(frozen=True)
class Image:
    """A built image; everything in it is read-only."""

    version: str
    key: str
    folder: Path

    @property
    def disk(self) -> Path:
        """The root file system, raw ext4."""
        return self.folder / "disk.raw"

    @property
    def kernel(self) -> Path:
        """What QEMU boots."""
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """What the kernel boots."""
        return self.folder / "initrd"


def check_tools() -> None:
    """Raise one error that names every package that is missing."""
    missing = sorted({package for tool, package in NEEDED.items() if shutil.which(tool, path=_search()) is None})
    if missing:
        raise LabError(
            "start the lab",
            f"{', '.join(missing)} not installed",
            f"apt-get install {' '.join(missing)}   (as root)",
        )


def key_file() -> Path:
    """The lab's private SSH key: made once for each cache, accepted by every guest."""
    path = paths.images() / "key"
    with _lock("key"):
        if not path.exists():
            fresh = path.with_name("key.part")
            fresh.unlink(missing_ok=True)
            argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "zoffsite-lab", "-f", str(fresh)]
            subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
            Path(f"{fresh}.pub").replace(f"{path}.pub")
            fresh.replace(path)
    return path


def find(version: str) -> Image | None:
    """The image of this version if the cache has it."""
    return _find(recipe(version))


def _find(wanted: Recipe) -> Image | None:
    image = Image(wanted.version, wanted.key, paths.images() / f"{wanted.version}-{wanted.key}")
    return image if (image.folder / "built.json").exists() else None


def ensure(version: str) -> Image:
    """The image of this version, built first if the cache lacks it."""
    return made_of(recipe(version))


def made_of(wanted: Recipe) -> Image:
    """The image of this recipe, built first if the cache lacks it."""
    if image := _find(wanted):
        return image
    check_tools()
    with _lock(wanted.version):
        return _find(wanted) or _build(wanted)


def _build(wanted: Recipe) -> Image:
    public = Path(f"{key_file()}.pub").read_text()
    image = Image(wanted.version, wanted.key, paths.images() / f"{wanted.version}-{wanted.key}")
    with Progress(f"OpenZFS {wanted.version} image") as say, _scratch(wanted.version) as scratch:
        packages = _packages(wanted, scratch, say)
        say("unpacking")
        part = scratch / "image"
        part.mkdir()
        _write_files(wanted, public, scratch / "files")
        _as_root(wanted.assemble, [packages, scratch, part], "make the disk", scratch)
        facts = {"version": wanted.version, "key": wanted.key, "seconds": round(say.elapsed)}
        (part / "built.json").write_text(json.dumps(facts))
        shutil.rmtree(image.folder, ignore_errors=True)
        part.rename(image.folder)
    return image


def _packages(wanted: Recipe, scratch: Path, say: Progress) -> Path:
    done = paths.images() / f"packages-{wanted.version}-{wanted.packages_key}.tar.zst"
    if done.exists():
        return done
    finish, pin, part = scratch / "finish.sh", scratch / "pin", scratch / "packages.tar.zst"
    finish.write_text(wanted.finish)
    pin.write_text(wanted.pin or "\n")
    argv = ["mmdebstrap", "--variant=apt", f"--include={','.join(wanted.packages)}", "--skip=cleanup/apt"]
    argv += [f"--aptopt={option}" for option in mirror.apt_options()]
    argv += [f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT]
    preferences = '"$1/etc/apt/preferences.d'
    argv += [f'--setup-hook=mkdir -p {preferences}" && cp {shlex.quote(str(pin))} {preferences}/lab"']
    argv += [f'--customize-hook=chroot "$1" sh -s <{shlex.quote(str(finish))}']
    argv += [SUITE, str(part), *mirror.apt_sources(wanted)]
    _mmdebstrap(argv, scratch, say)
    part.rename(done)
    return done


def _mmdebstrap(argv: list[str], scratch: Path, say: Progress) -> None:
    log: list[str] = []
    environment = {**os.environ, "TMPDIR": str(scratch), "DEBIAN_FRONTEND": "noninteractive"}
    # Killed at any instant, it must leave no process and no mount: they live in namespaces that end with it. Without
    # root mmdebstrap makes such namespaces itself.
    spaces = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"] if os.geteuid() == 0 else []
    guarded = ["setpriv", "--pdeathsig", "KILL", *spaces, *argv]
    with subprocess.Popen(
        guarded,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        assert process.stderr is not None  # noqa: S101 - a pipe was asked for
        try:
            for line in process.stderr:
                log.append(line)
                if line.startswith("I: "):
                    say(_words(line[3:].strip()))
        except BaseException:
            process.kill()
            process.stderr.read()  # It ends when the last process below has: then the folder can go.
            raise
    if process.returncode:
        saved = paths.cache() / "build.log"
        saved.write_text("".join(log))
        raise LabError(
            "build the image",
            "mmdebstrap failed: " + "".join(log[-4:]).strip(),
            f"read {saved}; a Debian mirror with contrib must be reachable (ZOFFSITE_LAB_MIRROR chooses another)",
        )


def _words(step: str) -> str:
    if "customize-hook" in step:
        return "keeping the module, dropping the compiler"
    if "installing remaining" in step:
        return "installing packages, compiling OpenZFS (minutes)"
    return "preparing apt" if "hook" in step else step


def _write_files(wanted: Recipe, public_key: str, folder: Path) -> None:
    files = {**wanted.files}
    for home in ("root", "home/zoffsite"):
        files[f"{home}/.ssh/authorized_keys"] = public_key
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _as_root(script: str, arguments: list[object], what: str, scratch: Path) -> None:
    """Run a script as root, or as the root of a user namespace: files must belong to their owners."""
    argv = ["sh", "-c", script, "sh", *map(str, arguments)]
    if os.geteuid() != 0:
        argv = ["unshare", "--user", "--map-root-user", "--map-auto", *argv]
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, cwd=scratch)
    if done.returncode:
        remedy = "" if os.geteuid() == 0 else "run `scripts/lab build` as root, or apt-get install uidmap"
        raise LabError(what, done.stderr.strip()[-500:], remedy)


def _search() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


@contextmanager
def _lock(name: str) -> Iterator[None]:
    with (paths.images() / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _scratch(version: str) -> Iterator[Path]:
    """A folder for the build, gone afterwards; the lock is held, so what an earlier build left is swept."""
    for stale in paths.images().glob(f".build-{version}-*"):
        shutil.rmtree(stale, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f".build-{version}-", dir=paths.images()))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
