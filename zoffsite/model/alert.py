"""What people are told, and what they have been told already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AlertKind(StrEnum):
    """What a message is about; a notification URL may be for some kinds only."""

    FAILURE = "failure"
    WARNING = "warning"
    RECOVERY = "recovery"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one receiver knows of one kind of trouble: told so many `times`, last at `last` (UTC).

    `about` are the troubles themselves, as keys that stay the same from run to run.
    """

    times: int
    last: datetime
    about: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one receiver has been told of one job.

    `failing`: when the first of the failures in a row started, until the receiver has heard of the recovery from them,
    or need not. `failure` and `warning` are None before the first word of it has arrived.
    """

    failing: datetime | None = None
    failure: Told | None = None
    warning: Told | None = None


NOTHING_HEARD = Heard()
