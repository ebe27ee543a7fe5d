"""A mistake in the settings, as a value and as what a check raises."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake: where it is, what is wrong, what to do. It never carries the value of a secret.

    `file` is a path or `environment`; `line` counts from 1 and is None where there are no lines (the environment).
    `key` is written as in the file: `job.home.datasets`, or the variable's name.
    """

    file: str
    line: int | None
    key: str
    message: str
    remedy: str

    @property
    def place(self) -> str:
        """`file:line`, as editors and terminals make it a link."""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    def __str__(self) -> str:
        return f"{self.place}: {self.key}: {self.message}; {self.remedy}"


class WrongValueError(ValueError):
    """What a check of one value raises: what is wrong with it and what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean "datasets"?`, or the list of what is known when nothing is near."""
    choices = sorted(known)
    near = get_close_matches(word, choices, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    return f"known here: {', '.join(choices)}" if choices else "nothing is known here"
