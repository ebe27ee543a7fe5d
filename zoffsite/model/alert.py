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
    or need not. `failed` are the datasets that failed, and that no run has found good since. `failure` and `warning`
    are None before the first word of it has arrived.
    """

    failing: datetime | None = None
    failed: frozenset[str] = frozenset()
    failure: Told | None = None
    warning: Told | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What the end of a run says of the datasets that are not in its report.

    `whole`: nobody has narrowed the run to some of them. `members` are all that the job has, None where the report of
    such a run has them all. `alarmed` are those of which an alarm stands that only a run of this verb raises.
    """

    whole: bool = True
    members: frozenset[str] | None = None
    alarmed: frozenset[str] = frozenset()


NOTHING_HEARD = Heard()
ALL_OF_IT = Reach()
