"""What the shell offers behind an option. Whatever goes wrong, it offers nothing."""

from __future__ import annotations


def job_names(incomplete: str) -> list[str]:
    """The jobs of the settings that begin so."""
    from zoffsite.config.loading import load
    from zoffsite.model.errors import ZoffsiteError

    try:
        return [name for name in load().job_names if name.startswith(incomplete)]
    except ZoffsiteError:
        return []
