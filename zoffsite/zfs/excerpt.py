"""Show text from a host that is not trusted: escaped and short, so that it can neither forge nor flood a log."""

from __future__ import annotations

EXCERPT = 120
"""Characters shown of a single value."""


def excerpt(text: str, limit: int = EXCERPT) -> str:
    """`text` in quotes with everything but printable ASCII escaped; what is over `limit` characters is left out."""
    shown = ascii(text[:limit])
    return f"{shown} … ({len(text)} characters)" if len(text) > limit else shown


def plain(text: str, limit: int) -> str:
    """`text` on one line, its control characters gone, at most `limit` characters of it.

    Meant for messages of a program, which people should read as they were written; `excerpt` is for values.
    """
    printable = "".join(c if c.isprintable() else " " for c in text[: 4 * limit])
    words = " ".join(printable.split())
    return words if len(words) <= limit else words[:limit] + " …"
