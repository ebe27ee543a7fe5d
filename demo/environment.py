"""What the commands of the demo, the bench and the tests are started with."""

from __future__ import annotations

import os


def clean_environment() -> dict[str, str]:
    """Ours, without what this machine's user has set for a zoffsite or a Prefect of their own.

    With ZOFFSITE_CONFIG in it a command would read, and carry out, the user's jobs.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "ZOFFSITE_"))}
