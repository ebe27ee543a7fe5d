"""Every setting with its value and where it comes from; secrets are masked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from zoffsite.config.explain import Origin, dotted
from zoffsite.config.sources import Loc

MASK = "(set, and not shown)"
DEFAULT = "default"
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One setting. `value` is as a person writes it; `origin` a place (`file:line`), a variable there, or "default"."""

    key: str
    value: Any
    origin: str


def shown(tables: BaseModel, merged: dict[str, Any], origin: Origin) -> Iterator[Shown]:
    """The settings of `tables`, each table's own keys in the order of the documentation."""
    yield from _walk(tables, (), merged, origin)


def _walk(value: Any, loc: Loc, written: Any, origin: Origin) -> Iterator[Shown]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _walk(getattr(value, name), (*loc, name), _below(written, name), origin)
    elif isinstance(value, dict) and (not value or isinstance(next(iter(value.values())), BaseModel)):
        for name, each in value.items():
            yield from _walk(each, (*loc, name), _below(written, name), origin)
    elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        for number, each in enumerate(value):
            yield from _walk(each, (*loc, number), _below(written, number), origin)
    else:
        yield Shown(key=dotted(loc), value=_words(value, written), origin=_place(loc, written, origin))


def _below(written: Any, key: str | int) -> Any:
    if isinstance(written, dict):
        return written.get(str(key))
    return written[key] if isinstance(written, list) and isinstance(key, int) and key < len(written) else None


def _place(loc: Loc, written: Any, origin: Origin) -> str:
    if written is None:
        return DEFAULT
    found = origin.problem(loc, "", "")
    return found.place if found.key == dotted(loc) else f"{found.key} in {found.place}"


def _words(value: Any, written: Any) -> Any:
    """As it was written, where it was; a secret never is."""
    if isinstance(value, SecretStr):
        return MASK
    if written is not None:
        return written
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [_words(each, None) for each in value]
    if isinstance(value, dict):
        return {str(key): _words(each, None) for key, each in value.items()}
    return f"{value:%H:%M}" if isinstance(value, time) else value


def _duration(value: timedelta) -> str:
    """In the largest unit that leaves nothing over."""
    seconds = value / timedelta(seconds=1)
    unit, length = next(((unit, length) for unit, length in _UNITS if seconds % length == 0), ("s", 1))
    return f"{seconds / length:g}{unit}"
