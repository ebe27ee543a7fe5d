"""What a dataset shares with others, because one was cloned from the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zoffsite.model.version import Snapshot, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The clones around one dataset; empty for one that has nothing to do with any.

    `ancestors` are the versions of the datasets that it began as a clone of, up to there, oldest first. `there` are
    snapshots in the replicas of its relatives that it shares, by guid: on the box, or there once the relatives are
    sent. `wanted` are the guids of its own snapshots that clones start from, whichever snapshots travel else.
    """

    ancestors: tuple[Version, ...] = ()
    there: Mapping[int, Snapshot] = field(default_factory=dict)
    wanted: frozenset[int] = frozenset()


ALONE = Family()
