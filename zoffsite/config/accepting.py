"""Which findings of the doctor the settings let be."""

from __future__ import annotations

from zoffsite.config.mistakes import WrongValueError, did_you_mean
from zoffsite.model.checks import WHY


def check_accepted(value: str) -> str:
    """A check's name, alone or before a blank and a subject."""
    name = value.partition(" ")[0]
    if name not in WHY:
        raise WrongValueError(f'"{name}" is no check of the doctor', did_you_mean(name, WHY))
    return value
