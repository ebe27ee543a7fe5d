"""What the demo shows: numbered steps, commands as a user types them, checks that are true or end it."""

from __future__ import annotations

import time

from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
started = time.monotonic()


class NotTrueError(Exception):
    """A claim of the demo turned out to be false."""


def step(title: str) -> None:
    """A new chapter."""
    out.print(f"\n[bold cyan]{time.monotonic() - started:4.0f} s  {title}[/]")


def say(text: str) -> None:
    """A line about what happens."""
    out.print(f"       {text}", markup=False)


def check(claim: str, true: bool, seen: object = "") -> None:
    """Print the claim with a tick; NotTrueError when it is false."""
    if not true:
        out.print(f"       [bold red]✗[/] {claim}")
        raise NotTrueError(f"{claim}: seen {seen!r}")
    out.print(f"       [green]✓[/] {claim}")
