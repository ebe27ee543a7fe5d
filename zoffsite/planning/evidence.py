"""When each dataset was last seen, proved and drilled; and how long it would take to bring everything back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from zoffsite.model.drill import Drilled, Speed
from zoffsite.model.evidence import Confidence, Evidence, LastLook, Recovery
from zoffsite.model.job import Job
from zoffsite.model.proof import Challenges, Proofs
from zoffsite.model.status import JobStatus
from zoffsite.planning.coverage import Coverage
from zoffsite.planning.proving import beyond_proof

_CLOSE = 0.8
"""A limited stream starts and ends, so that its rate is a little below the limit."""


def remembered(known: Mapping[str, LastLook], drilled: Drilled, speed: Speed | None) -> Confidence:
    """What the last look at the box had found, where it cannot be asked now."""
    evidence = {
        dataset: Evidence(verified=each.verified, proved=each.proved, beyond=each.beyond, drill=drilled.get(dataset))
        for dataset, each in known.items()
    }
    return Confidence(evidence=evidence, recovery=_recovery(sum(each.bytes for each in known.values()), speed))


def looks_of(found: JobStatus, confidence: Confidence) -> dict[str, LastLook]:
    """What is to be remembered of a look."""
    evidence = confidence.evidence
    return {
        each.source: LastLook(
            verified=evidence[each.source].verified,
            proved=evidence[each.source].proved,
            beyond=evidence[each.source].beyond,
            bytes=each.referenced,
        )
        for each in found.replicas
    }


def confidence_of(
    found: JobStatus,
    proofs: Proofs,
    challenges: Challenges,
    drilled: Drilled,
    speed: Speed | None,
    known: Mapping[str, LastLook],
) -> Confidence:
    """A replica in which the listing finds nothing wrong is verified now; else it was when it last was."""
    coverage = Coverage(proofs)
    evidence = {
        each.source: Evidence(
            verified=found.when
            if each.newest is not None and each.error is None
            else known.get(each.source, LastLook()).verified,
            proved=coverage.all_since(each.replica, each.shared),
            beyond=beyond_proof(each.replica, each.shared, each.there, challenges) if each.there else None,
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


def time_to_restore(count: int, speed: Speed | None, rate: int | None) -> Recovery:
    """How long `count` bytes take: at `rate` (bytes per second), where that was asked for and is the slower one."""
    if rate is not None and (speed is None or rate < speed.rate):
        speed = Speed(rate=float(rate), by="bandwidth")
    return _recovery(count, speed)


def _recovery(count: int, speed: Speed | None) -> Recovery:
    if speed is None or not count:
        return Recovery(bytes=count)
    return Recovery(bytes=count, seconds=count / speed.rate, by=speed.by, cap=speed.cap)
