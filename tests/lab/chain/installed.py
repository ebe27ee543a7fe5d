"""zoffsite on a guest, under the guest's own Python: what pip would install there, which has no network."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tarfile
from collections.abc import Collection
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from lab.guest import Guest

CHECKOUT = Path(__file__).parents[3]
HOME = "/opt/zoffsite"
RUN = f"{HOME}/run.py"
USED = """
import importlib.metadata, sys
import zoffsite.actions.backup, zoffsite.cli.backup, zoffsite.cli.main, zoffsite.cli.plan, zoffsite.cli.progress
import zoffsite.cli.report, zoffsite.config.loading
owners = importlib.metadata.packages_distributions()
print("\\n".join({owner for name in sys.modules for owner in owners.get(name.partition(".")[0], ())}))
"""
SCRIPT = f"import sys; sys.path.insert(0, {HOME!r}); from zoffsite.cli.main import run; sys.exit(run())\n"
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
"""Of wheels; the oldest guest has glibc 2.36."""


def install(guest: Guest, folder: Path) -> None:
    """The wheel of this checkout, and of the lock what the direct path imports, built for the guest's Python."""
    python = guest.run("python3 -c 'import sys; print(*sys.version_info[:2], sep=\".\")'").strip()
    target = folder / "packages"
    (folder / "requirements.txt").write_text("\n".join(locked(used())) + "\n")
    pip(target, "--require-hashes", "-r", folder / "requirements.txt", "--python-version", python)
    pip(target, build_wheel(folder))
    pack = io.BytesIO()
    with tarfile.open(fileobj=pack, mode="w") as tar:
        tar.add(target, ".")
    guest.run(f"mkdir -p {HOME} && tar -x --no-same-owner -C {HOME}", stdin=pack.getvalue())
    guest.put(SCRIPT.encode(), RUN)


def build_wheel(folder: Path) -> Path:
    """The wheel of this checkout."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    (wheel,) = folder.glob("zoffsite-*.whl")
    return wheel


def used() -> Collection[str]:
    """The distributions that the direct path imports."""
    printed = subprocess.run([sys.executable, "-c", USED], check=True, capture_output=True, text=True, cwd=CHECKOUT)
    return {canonicalize_name(name) for name in printed.stdout.split()}


def locked(names: Collection[str]) -> list[str]:
    """Their entries in requirements.lock: version and hashes."""
    entries = re.split(r"\n(?=\S)", (CHECKOUT / "requirements.lock").read_text())
    return [entry for entry in entries if canonicalize_name(entry.partition("==")[0]) in names]


def pip(target: Path, *what: str | Path) -> None:
    """Put wheels into a folder, whatever Python runs here."""
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    how = ["-q", "--disable-pip-version-check", "--no-deps", "--no-compile", "--only-binary=:all:", *platforms]
    command = [sys.executable, "-m", "pip", "install", *how, "--target", target, *what]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(
            f"pip could not get the packages for the guest's Python:\n{done.stderr}\n"
            "Next: look whether this machine reaches pip's index; requirements.lock must have wheels for that Python"
        )
