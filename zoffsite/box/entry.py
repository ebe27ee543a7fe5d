"""One file of the kit."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

ROOT = "root:root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file: its text, its mode and whose it is, `user:group`."""

    text: str
    mode: int = 0o644
    owner: str = ROOT


Files = Mapping[str, Entry]
"""By path: absolute on the machine that it is for, or relative to the kit's folder."""


def shell_settings(comment: str, **values: str) -> str:
    """A file that a POSIX shell reads with `.`: nothing in a value is expanded or run."""
    lines = [f"{name.upper()}={shlex.quote(value)}" for name, value in values.items()]
    return "\n".join([f"# {comment}", *lines, ""])
