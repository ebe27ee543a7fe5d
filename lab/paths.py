"""Where the lab keeps things: all outside the checkout."""

from __future__ import annotations

import os
from pathlib import Path


def cache() -> Path:
    """Images, saved states and running labs; ZOFFSITE_LAB_CACHE overrides it."""
    override = os.environ.get("ZOFFSITE_LAB_CACHE")
    base = Path(override) if override else Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "zoffsite"
    return _private(base.expanduser().absolute())


def images() -> Path:
    """One folder for each image and one archive for each slow layer."""
    return _private(cache() / "images")


def states() -> Path:
    """One folder for each saved machine state."""
    return _private(cache() / "states")


def runs() -> Path:
    """One folder for each running lab."""
    return _private(cache() / "run")


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
