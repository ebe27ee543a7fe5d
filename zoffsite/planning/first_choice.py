"""Which datasets of a machine could be backed up: what `zoffsite init` offers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from zoffsite.model.dataset import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """`encrypted` are the topmost of the encrypted datasets, `plain` the topmost below which nothing is encrypted."""

    encrypted: tuple[str, ...]
    plain: tuple[str, ...]


def offer(datasets: Mapping[str, Dataset]) -> Offer:
    """What a job that takes all below its datasets would name."""
    encrypted = {name for name, each in datasets.items() if each.encrypted}
    around = {above for name in encrypted for above in _above(name)}
    plain = {name for name in datasets if name not in encrypted and name not in around}
    return Offer(encrypted=_topmost(encrypted), plain=_topmost(plain))


def _topmost(names: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in names if not any(above in names for above in _above(name))))


def _above(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
