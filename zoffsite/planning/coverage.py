"""Since when a stream is proved, by all the proofs that there are.

What is born after the base and lives at the snapshot is in that increment; what lives at a snapshot is in its full
stream. So a block of the stream from a to c is in the one from a to b, or in the one from b to c: who has proved those,
has proved it, as of the older of the two, also where b is gone since. A full stream is one on top of nothing.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from heapq import heappop, heappush
from itertools import pairwise
from math import inf

from zoffsite.model.proof import Proofs, Unit
from zoffsite.model.snapshots import Snapshots

NEVER = datetime.min.replace(tzinfo=UTC)


class Coverage:
    """What the proofs of one ledger come to."""

    def __init__(self, proofs: Proofs) -> None:
        self.began = proofs.began
        self._last = proofs.last
        self._onward = defaultdict[tuple[str, int], list[tuple[int, float]]](list)
        for (replica, base, to), when in proofs.last.items():
            # Who has found a difference knows no longer what the older proofs of its neighbours are worth together.
            if when > proofs.differed.get(replica, NEVER):
                self._onward[replica, base].append((to, when.timestamp()))

    def since(self, unit: Unit) -> datetime | None:
        """As of when all of the stream is proved; None: a part of it never was."""
        found = (self._last.get(unit), self._by_steps(*unit))
        return max((when for when in found if when is not None), default=None)

    def all_since(self, replica: str, shared: Snapshots) -> datetime | None:
        """The time so that all that was there then was proved since then; None: nothing was ever proved in full.

        `shared` are those that both sides have, in their order.
        """
        if not shared or (full := self.since((replica, 0, shared.guids[0]))) is None:
            return None
        times = [full]
        for (base, to), taken in zip(pairwise(shared.guids), shared.creations[1:], strict=True):
            times.append(self.since((replica, base, to)) or datetime.fromtimestamp(taken, UTC))
        return min(times)

    def _by_steps(self, replica: str, base: int, to: int) -> datetime | None:
        """By the way from snapshot to snapshot whose oldest proof is the youngest."""
        ways, seen = [(-inf, base)], set[int]()
        while ways:
            oldest, at = heappop(ways)
            if at == to:
                return datetime.fromtimestamp(-oldest, UTC)
            if at in seen:
                continue
            seen.add(at)
            for onward, when in self._onward.get((replica, at), ()):
                heappush(ways, (max(oldest, -when), onward))
        return None
