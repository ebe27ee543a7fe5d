"""Does a Prefect API answer? Asked without Prefect, whose import takes seconds."""

from __future__ import annotations

import urllib.request

PATIENCE = 3.0
"""Seconds for an answer."""


def answers(url: str) -> bool:
    """True when a Prefect API answers at `url` within three seconds."""
    if not url.startswith(("http://", "https://")):
        return False
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=PATIENCE) as answer:  # noqa: S310 - http(s) only
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False
