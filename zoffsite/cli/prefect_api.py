"""Is there a Prefect API to run a job through? Importing Prefect takes seconds, so only where it could find one."""

from __future__ import annotations

import os
from pathlib import Path

from zoffsite.hosts.prefect_api import answers
from zoffsite.model.errors import UnreachableError


class NoPrefectError(UnreachableError):
    """Prefect cannot run the job, and nothing was run; the problem says why."""


def require_api() -> None:
    """Return when a Prefect API is configured and answers; else a NoPrefectError.

    That it answers is known without Prefect and without a password. Whether it takes runs, only a run shows.
    """
    url = configured_url()
    if not url:
        raise _no_prefect("no Prefect API is configured")
    if not answers(url):
        raise _no_prefect(f"the Prefect API at {url} does not answer")


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
        raise _no_prefect(f"Prefect cannot read its settings ({error})") from error


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


def takes_no_run(error: Exception) -> NoPrefectError:
    """What is wrong when an API answers, and then Prefect ends with `error` before the run has begun."""
    why = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
    return _no_prefect(
        f"Prefect cannot run it ({why})",
        "see that PREFECT_API_URL ends in /api and that PREFECT_API_AUTH_STRING is the server's",
    )


def _no_prefect(problem: str, how: str = "start it (prefect server start) and set PREFECT_API_URL") -> NoPrefectError:
    remedy = f"{how}, or run without it: zoffsite backup --direct"
    return NoPrefectError("run", "through Prefect", problem, remedy, code="prefect-unreachable", transient=True)
