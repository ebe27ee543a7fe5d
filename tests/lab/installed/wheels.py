"""What an installer takes for zoffsite on a machine of the lab, which has no network: chosen here, carried there."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from lab.guest import Guest

from ..chain.installed import PLATFORMS, build_wheel

UV = Path(sys.executable).with_name("uv")
WHEELS = "/root/wheels"
VERSION = "python3 -c 'import platform; print(platform.python_version())'"


def carry(guest: Guest, folder: Path, *more: str) -> None:
    """The wheel of this checkout, `more` tools, and all that they need, to WHEELS on the guest; and uv itself.

    uv chooses as it would there: for the guest's Python, from pyproject.toml's ranges, without lock or overrides.
    """
    wheel = build_wheel(folder)
    wanted = "\n".join((f"zoffsite @ {wheel.as_uri()}", *more))
    platform = ("--python-version", guest.run(VERSION).strip(), "--python-platform", "x86_64-manylinux_2_28")
    quiet = ("-q", "--no-annotate", "--no-header", "--no-emit-package", "zoffsite", "--generate-hashes")
    chosen = folder / "chosen.txt"
    chosen.write_text(_run([UV, "pip", "compile", "--no-config", *quiet, *platform, "-"], wanted))
    place = [word for each in PLATFORMS for word in ("--platform", each)]
    how = ["-q", "--no-deps", "--only-binary=:all:", "--python-version", platform[1].rpartition(".")[0], *place]
    _run([sys.executable, "-m", "pip", "download", *how, "--require-hashes", "-r", chosen, "-d", folder])
    pack = io.BytesIO()
    with tarfile.open(fileobj=pack, mode="w") as tar:
        for each in folder.glob("*.whl"):
            tar.add(each, each.name)
    guest.run(f"mkdir -p {WHEELS} && tar -x --no-same-owner -C {WHEELS}", stdin=pack.getvalue(), timeout=600)
    guest.put(UV.read_bytes(), "/usr/local/bin/uv", 0o755)


def _run(argv: list[str | Path], stdin: str = "") -> str:
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"{argv[0]}: {done.stderr}\nNext: look whether this machine reaches pip's index")
    return done.stdout
