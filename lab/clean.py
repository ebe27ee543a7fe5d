"""Deletes from the cache what no recipe asks for any more."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from lab import accel, image, paths, state
from lab.errors import LabError
from lab.firmware.recipe import RECIPES as OF_MACHINES
from lab.lab import running
from lab.recipe import RECIPES


def clean() -> int:
    """Delete it; returns how many bytes were freed. Refused while a lab runs: it may use them."""
    if names := running():
        raise LabError("clean the cache", f"a lab runs ({', '.join(names)})", "scripts/lab down")
    freed = 0
    for path in _unused():
        freed += sum(file.lstat().st_blocks * 512 for file in [path, *path.rglob("*")])
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return freed


def _unused() -> Iterator[Path]:
    kept = {"key", "key.pub"}
    for version, recipe in RECIPES.items():
        kept |= {f"{version}-{recipe.key}", f"packages-{version}-{recipe.packages_key}.tar.zst"}
        if built := image.find(version):
            kept.add(state.key(built, accel.choose(built)))
    for name, recipe in OF_MACHINES.items():
        kept |= {f"{name}-{recipe.key}", f"packages-{name}-{recipe.packages_key}.tar.zst"}
    for folder in (paths.images(), paths.states()):
        yield from (path for path in folder.iterdir() if path.name not in kept and not path.name.startswith("."))
