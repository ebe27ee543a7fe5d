"""When each dataset was last seen, proved and drilled; and how long it would take to bring everything back."""

from __future__ import annotations

from datetime import datetime

from zoffsite.model.drill import Drilled, Speed
from zoffsite.model.evidence import Confidence, Evidence, Recovery
from zoffsite.model.proof import Proved
from zoffsite.model.status import JobStatus


def confidence_of(found: JobStatus, proved: Proved, drilled: Drilled, speed: Speed | None) -> Confidence:
    """A replica in which the listing finds nothing wrong is verified now."""
    last = dict[str, datetime]()
    for (replica, _, _), when in proved.items():
        last[replica] = max(when, last.get(replica, when))
    evidence = {
        each.source: Evidence(
            verified=found.when if each.newest is not None and each.error is None else None,
            proved=last.get(each.replica),
            drill=drilled.get(each.source),
        )
        for each in found.replicas
    }
    return Confidence(evidence=evidence, recovery=_recovery(sum(each.referenced for each in found.replicas), speed))


def _recovery(count: int, speed: Speed | None) -> Recovery:
    if speed is None or not count:
        return Recovery(bytes=count)
    return Recovery(bytes=count, seconds=count / speed.rate, by=speed.by)
