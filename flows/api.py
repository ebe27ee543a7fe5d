"""Where Prefect finds its own API."""

from __future__ import annotations

from prefect.settings import PREFECT_API_URL


def api_url() -> str:
    """What the environment, `.env`, prefect.toml, pyproject.toml and the profile come to; "" where none names one."""
    return PREFECT_API_URL.value() or ""
