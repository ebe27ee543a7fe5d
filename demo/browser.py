"""Pages as a real browser shows and prints them: Debian's Chromium, without a screen, talking to nobody else."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

SIZE = (1400, 1100)
PATIENCE = "20000"
"""Milliseconds of the page's own time, in which it must have asked the API and drawn the answers."""
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def text_of(url: str) -> str:
    """What a person reads there, without tags."""
    dom = _chromium("--dump-dom", url).decode()
    return " ".join(re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", dom, flags=re.DOTALL).split())


def picture_of(url: str, file: Path, size: tuple[int, int] = SIZE) -> None:
    """The same as a PNG."""
    _chromium(f"--screenshot={file}", f"--window-size={size[0]},{size[1]}", url)


def print_of(url: str, file: Path) -> None:
    """The same on paper, as a PDF."""
    _chromium("--no-pdf-header-footer", f"--print-to-pdf={file}", url)


def _chromium(*words: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="zoffsite-browser-") as profile:
        argv = ["chromium", *QUIET, f"--user-data-dir={profile}", f"--virtual-time-budget={PATIENCE}", *words]
        return subprocess.run(argv, capture_output=True, check=True, timeout=180).stdout
