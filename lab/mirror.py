"""Where Debian's packages come from: the mirror the host's own apt uses, whatever its name."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.errors import LabError
from lab.recipe import SUITE, Recipe

KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_SUITES: Final = re.compile(r"(bookworm|trixie|forky|sid|stable|testing|unstable|oldstable)(-updates|-backports)?")
_PASSED_ON: Final = ("Acquire::http", "Acquire::https", "Acquire::Check-")


@dataclass(frozen=True)
class Source:
    """One archive the host's apt knows: its address and the suites taken from it."""

    uri: str
    suites: tuple[str, ...]


def parse_one_line(text: str) -> Iterator[Source]:
    """The `deb [options] uri suite component…` format."""
    for line in text.splitlines():
        words = re.sub(r"\[[^]]*\]", " ", line.partition("#")[0]).split()
        if len(words) >= 3 and words[0] == "deb":
            yield Source(words[1], (words[2],))


def parse_deb822(text: str) -> Iterator[Source]:
    """The `Types: deb` format: paragraphs of fields."""
    for paragraph in re.split(r"\n\s*\n", text):
        lines = [line for line in paragraph.splitlines() if not line.startswith("#")]
        fields = dict(re.findall(r"(?m)^(\S+):[ \t]*(.*(?:\n[ \t]+.*)*)", "\n".join(lines)))
        if "deb" in fields.get("Types", "").split() and fields.get("Enabled", "yes").strip() != "no":
            for uri in fields.get("URIs", "").split():
                yield Source(uri, tuple(fields.get("Suites", "").split()))


def host_sources(etc: Path = Path("/etc/apt")) -> list[Source]:
    """Every archive the host's apt is configured for."""
    one_line = [etc / "sources.list", *sorted(etc.glob("sources.list.d/*.list"))]
    found = [s for path in one_line if path.is_file() for s in parse_one_line(path.read_text())]
    for path in sorted(etc.glob("sources.list.d/*.sources")):
        found += parse_deb822(path.read_text())
    return found


def choose(sources: Iterable[Source]) -> tuple[str, str | None]:
    """The archive of Debian itself, and that of its security updates where there is one."""
    main = security = None
    for source in sources:
        if any(suite.endswith("-security") for suite in source.suites):
            security = security or source.uri
        elif source.uri.rstrip("/").endswith("debian") and any(map(_SUITES.fullmatch, source.suites)):
            main = main or source.uri
    if main is None:
        raise LabError(
            "find a Debian mirror",
            "none of the host's apt sources is an archive of Debian",
            "set ZOFFSITE_LAB_MIRROR to the URI of one (it ends in /debian)",
        )
    return main, security


def apt_sources(recipe: Recipe) -> list[str]:
    """The lines of sources.list an image is built from."""
    override = os.environ.get("ZOFFSITE_LAB_MIRROR")
    main, security = (override, None) if override else choose(host_sources())
    option = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    lines = [f"deb {option}{main} {suite} main contrib" for suite in recipe.suites]
    if security:
        lines.append(f"deb {option}{security} {SUITE}-security main contrib")
    return lines


def apt_options() -> list[str]:
    """The host's settings about proxies and clocks, which mmdebstrap would not read by itself."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    return [line for line in dump.splitlines() if line.startswith(_PASSED_ON) and not line.endswith(' "";')]
