"""Is there a Prefect API to run a job through? Importing Prefect takes seconds, so only where it could find one."""

from __future__ import annotations

import os
from pathlib import Path

from zoffsite.hosts.prefect_api import answers
from zoffsite.model.errors import UnreachableError


def require_api() -> None:
    """Return when a Prefect API is configured and answers; else an UnreachableError whose problem says why not."""
    url = configured_url()
    if not url:
        raise _unreachable("no Prefect API is configured")
    if not answers(url):
        raise _unreachable(f"the Prefect API at {url} does not answer")


def configured_url() -> str:
    """The URL that Prefect itself would use; "" where nothing configures one."""
    if "PREFECT_API_URL" in os.environ:
        return os.environ["PREFECT_API_URL"]
    if not _configured_somewhere():
        return ""
    try:
        from flows.api import api_url

        return api_url()
    except Exception as error:  # whatever Prefect makes of its files, no backup stops for it
        raise _unreachable(f"Prefect cannot read its settings ({error})") from error


def _configured_somewhere() -> bool:
    """Whether a place that Prefect reads exists and could name a URL. The names: prefect/settings/sources.py, 3.9."""
    return (
        any(name.upper().startswith("PREFECT_") for name in os.environ)
        or Path("~/.prefect/profiles.toml").expanduser().exists()
        or Path("prefect.toml").exists()
        or any(_names_prefect(Path(name)) for name in (".env", "pyproject.toml"))
    )


def _names_prefect(file: Path) -> bool:
    try:
        return b"prefect" in file.read_bytes().lower()
    except OSError:
        return False


def _unreachable(problem: str) -> UnreachableError:
    return UnreachableError(
        "run",
        "through Prefect",
        problem,
        "start it (prefect server start) and set PREFECT_API_URL, or run without it: zoffsite backup --direct",
        code="prefect-unreachable",
        transient=True,
    )
