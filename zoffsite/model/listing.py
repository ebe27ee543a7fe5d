"""What a host said of its snapshots some time ago, so that it need not say it again while nothing has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zoffsite.model.snapshots import NO_SNAPSHOTS, Snapshots


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The snapshots of one dataset; `identity` and `changed` is what the host said just before.

    `identity` is the dataset's guid and origin: a promotion moves snapshots, and only the one that loses them says so.
    `since` is when this `changed` was first seen, `at` when they were asked for: seconds since 1970, by OUR clock.
    """

    identity: str
    changed: str
    since: float
    at: float
    snapshots: Snapshots = NO_SNAPSHOTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Listings:
    """One host's, by dataset. `of` names the host and what was asked; `began` is when all was last listed anew.

    `unable`: its OpenZFS does not say when snapshots change (before 2.2).
    """

    of: str
    began: float
    unable: bool = False
    datasets: Mapping[str, Listed] = field(default_factory=dict)
