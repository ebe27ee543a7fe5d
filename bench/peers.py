"""The other tools, as their registries have them, in a folder of their own: nothing is installed on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from lab import paths

PYPI: Final = ("bzfs==1.25.0", "zfs_autobackup==3.3")
DEBIAN: Final = ("sanoid", "libcapture-tiny-perl", "libconfig-inifiles-perl")
"""syncoid and the two Perl modules that it loads; the rest of its dependencies are for hosts with ZFS."""


def folder() -> Path:
    """Where they are; fetched when they are missing."""
    place = paths.cache() / "peers"
    if not (place / "complete").exists():
        _fetch(place)
    return place


def versions() -> dict[str, str]:
    """What is compared, by name."""
    return {
        "bzfs": PYPI[0].partition("==")[2],
        "zfs-autobackup": PYPI[1].partition("==")[2],
        "syncoid": (folder() / "syncoid-version").read_text().strip(),
        "two lines": "OpenSSH " + _said("ssh", "-V").partition("_")[2].partition(",")[0],
    }


def _fetch(place: Path) -> None:
    place.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", str(place / "venv")], check=True)
    subprocess.run([str(place / "venv/bin/pip"), "install", "--quiet", *PYPI], check=True)
    subprocess.run(["apt-get", "download", *DEBIAN], cwd=place, check=True)
    for package in sorted(place.glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(package), str(place / "debian")], check=True)
    (sanoid,) = place.glob("sanoid_*.deb")
    (place / "syncoid-version").write_text(sanoid.name.split("_")[1])
    (place / "complete").touch()


def _said(*argv: str) -> str:
    done = subprocess.run(argv, check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    return (done.stdout or done.stderr).strip()
