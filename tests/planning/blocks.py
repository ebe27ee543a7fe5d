"""What streams are made of: a block is born in one snapshot, and gone from another on."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

LAST = 9
Block = tuple[int, int]
"""The first snapshot that has it, and the first after that which has not."""


def blocks() -> st.SearchStrategy[set[Block]]:
    """Any of those that snapshots 1 to LAST can have."""
    pair = st.tuples(st.integers(1, LAST), st.integers(1, LAST + 1))
    return st.sets(pair.filter(lambda each: each[0] < each[1]), max_size=30)


def stream(world: Iterable[Block], base: int, to: int) -> set[Block]:
    """What zfs sends of it: all that lives at `to` and is born after `base` (0: in full)."""
    return {(born, gone) for born, gone in world if base < born <= to < gone}
