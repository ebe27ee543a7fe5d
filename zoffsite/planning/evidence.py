"""When each dataset was last seen, proved and drilled; and how long it would take to bring everything back."""

from __future__ import annotations

from zoffsite.model.drill import Drilled, Speed
from zoffsite.model.evidence import Confidence, Evidence, Recovery
from zoffsite.model.proof import Proofs
from zoffsite.model.status import JobStatus
from zoffsite.planning.coverage import Coverage


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


def _recovery(count: int, speed: Speed | None) -> Recovery:
    if speed is None or not count:
        return Recovery(bytes=count)
    return Recovery(bytes=count, seconds=count / speed.rate, by=speed.by)
