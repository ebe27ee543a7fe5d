"""The one error of the lab: what was being done, what went wrong, and the next command to type."""

from __future__ import annotations


class LabError(Exception):
    """An operation of the lab failed; `remedy` says what to do about it."""

    def __init__(self, what: str, why: str, remedy: str = "") -> None:
        super().__init__(what, why, remedy)
        self.what = what
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.what}: {self.why}"
        return f"{text}\n  remedy: {self.remedy}" if self.remedy else text
