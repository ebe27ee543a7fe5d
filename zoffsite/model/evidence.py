"""What shows that the data can come back: of each dataset, and of all together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from zoffsite.model.drill import PastDrill


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Of one dataset, times (UTC), None for never: when a listing of the box last `verified` it; and `proved`: all
    that was there then, and that both sides have, was proved since then. `beyond` that are so many streams that the box
    alone has, and nobody can prove any more; None: nobody knows. `drill` is the last one, good or bad.
    """

    verified: datetime | None = None
    proved: datetime | None = None
    beyond: int | None = None
    drill: PastDrill | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LastLook:
    """What is remembered of a dataset for when the box is away: as in Evidence, and the bytes that would come back."""

    verified: datetime | None = None
    proved: datetime | None = None
    beyond: int | None = None
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What bringing it back takes: `bytes`, in `seconds`, at a rate known `by` "drills" or "sends", or by the
    "bandwidth" that a restore was told; both are None where nobody can tell yet. `cap` is the bandwidth of the settings
    that decides the rate.
    """

    bytes: int = 0
    seconds: float | None = None
    by: str | None = None
    cap: int | None = None


NO_TIME = Recovery()


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """All of it: the evidence by the datasets' names on the source."""

    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    recovery: Recovery = NO_TIME


NO_CONFIDENCE = Confidence()
