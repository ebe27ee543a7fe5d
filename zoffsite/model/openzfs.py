"""Releases of OpenZFS."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """`2.1.11`, or `2.2.0-rc3`. `packaged`: by a distribution, which may have fixed what upstream fixed later."""

    major: int
    minor: int
    patch: int
    rc: int | None = None
    packaged: bool = False

    @property
    def branch(self) -> tuple[int, int]:
        """Releases of one branch follow each other: 2.1."""
        return self.major, self.minor

    @property
    def order(self) -> tuple[int, int, int, int]:
        """Release candidates come before their release."""
        return self.major, self.minor, self.patch, 10_000 if self.rc is None else self.rc

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}" + ("" if self.rc is None else f"-rc{self.rc}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What a host has: the tools, and the kernel's module, None where that is not told."""

    tools: Release
    module: Release | None

    @property
    def running(self) -> Release:
        """What sends and receives: the module does the work."""
        return self.module or self.tools
