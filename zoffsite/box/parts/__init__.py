"""What goes into the kit as it is: the shell scripts beside this file, and the programs that run on the box."""

from __future__ import annotations

from importlib.resources import files


def script(name: str) -> str:
    """The shell script `name`."""
    return files(__name__).joinpath(f"{name}.sh").read_text(encoding="utf-8")


def program(name: str, room: str = "zoffsite.box") -> str:
    """A program that runs on the machines themselves: one Python file of the standard library."""
    return files(room).joinpath(f"{name}.py").read_text(encoding="utf-8")
