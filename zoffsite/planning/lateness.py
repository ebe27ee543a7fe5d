"""A machine was off or asleep when a run was due. When it is back, one run makes up for all that were missed.

Prefect starts every run that it had made in advance, oldest first. The first of them does the work of all: what comes
after it was due before that run began, and has nothing left to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from zoffsite.model.history import PastRun

LATE = timedelta(minutes=10)
"""A run that starts later than this after its time is late; workers poll, and wait for each other."""


def made_up_by(due: datetime, now: datetime, verb: str, past: Iterable[PastRun]) -> PastRun | None:
    """The run that has done what a late one was to do: of the same kind, about the whole job, begun since it was due.

    None for a run that is in time, whatever was run by hand a moment ago, and where no such run is known: then it must
    be run, for nobody else does. How the other run ended does not matter: it was tried, and has been reported.
    """
    if now - due < LATE:
        return None
    return next((each for each in past if each.verb == verb and each.whole and each.started >= due), None)
