"""Patterns for datasets: `*`, `?` and `[…]` never cross a slash."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase


def covers(patterns: Collection[str], name: str, *, recursive: bool) -> bool:
    """True when any of `patterns` matches the dataset `name`; with `recursive`, or something that `name` is below."""
    components = name.split("/")
    return any(_matches(components, pattern.split("/"), recursive=recursive) for pattern in patterns)


def _matches(name: list[str], pattern: list[str], *, recursive: bool) -> bool:
    if len(name) < len(pattern) or (len(name) > len(pattern) and not recursive):
        return False
    return all(fnmatchcase(part, wanted) for part, wanted in zip(name, pattern, strict=False))
