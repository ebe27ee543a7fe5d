"""When each dataset was last seen, proved and drilled; and how long it would take to bring everything back."""

from __future__ import annotations

from dataclasses import replace

from zoffsite.model.drill import Drilled, Speed
from zoffsite.model.evidence import Confidence, Evidence, Recovery
from zoffsite.model.job import Job
from zoffsite.model.proof import Proofs
from zoffsite.model.status import JobStatus
from zoffsite.planning.coverage import Coverage

_CLOSE = 0.8
"""A limited stream starts and ends, so that its rate is a little below the limit."""


def confidence_of(found: JobStatus, proofs: Proofs, drilled: Drilled, speed: Speed | None) -> Confidence:
    """A replica in which the listing finds nothing wrong is verified now."""
    coverage = Coverage(proofs)
    evidence = {
        each.source: Evidence(
            verified=found.when if each.newest is not None and each.error is None else None,
            proved=coverage.all_since(each.replica, each.shared),
            drill=drilled.get(each.source),
        )
        for each in found.replicas
    }
    return Confidence(evidence=evidence, recovery=_recovery(sum(each.referenced for each in found.replicas), speed))


def capped(job: Job, speed: Speed | None) -> Speed | None:
    """With the bandwidth that the settings allow, where that is what was measured."""
    if speed is None:
        return None
    cap = job.drill.bandwidth if speed.by == "drills" else job.bandwidth
    return replace(speed, cap=cap) if cap is not None and speed.rate >= _CLOSE * cap else speed


def _recovery(count: int, speed: Speed | None) -> Recovery:
    if speed is None or not count:
        return Recovery(bytes=count)
    return Recovery(bytes=count, seconds=count / speed.rate, by=speed.by, cap=speed.cap)
