"""A job at a glance in Prometheus' text format (docs/reference/metrics.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

from zoffsite.model.checkup import Word
from zoffsite.model.evidence import Evidence
from zoffsite.model.overview import Overview
from zoffsite.model.report import RunState
from zoffsite.model.status import ReplicaStatus

JOB = {
    "up": "1 when both sides could be asked, else 0; replicas are then known by the box's word, or not at all",
    "looked_timestamp_seconds": "When they were asked",
    "last_success_timestamp_seconds": "When the last run started that went well as a whole",
    "last_run_timestamp_seconds": "When the last run started, however it ended",
    "last_run_duration_seconds": "How long it took",
    "last_run_ok": "1 when every dataset went well in it, else 0",
    "next_run_timestamp_seconds": "When the schedule of the job runs it next",
    "running": "1 while a run is under way, else 0",
    "box_free_bytes": "What replicas may still take on the box, the reserve left out",
    "box_full_days": "Days until that is used up, if it goes on as it did",
    "recovery_seconds": "About how long bringing everything back would take",
}
"""What there is of each job, in the order of the output: the name behind `zoffsite_`, and what it means."""
REPLICA = {
    "replica_good": "1 when the replica is verified and within its objective, else 0",
    "replica_unverified": "1 when only the box could be asked, and all of it is the box's own word, else 0",
    "replica_data_timestamp_seconds": "Of when the data is that the box holds",
    "replica_snapshot_timestamp_seconds": "When its newest snapshot was taken, as the source knows it",
    "replica_objective_seconds": "How old its data may be",
    "replica_used_bytes": "What it takes on the box",
    "replica_growth_bytes": "What a day brings to the box",
    "replica_proved_timestamp_seconds": "All that was there at that time, on both sides, has been proved since",
    "replica_beyond_proof_streams": "How many streams the box alone has, and nobody can prove any more",
    "replica_drilled_timestamp_seconds": "When it was last restored for rehearsal",
    "replica_drill_ok": "1 when it came back whole then, else 0",
    "base_room_bytes": "What can be written on the source before the base is at risk; left out where it has a bookmark",
}
"""The same of each dataset."""


def metrics_text(seen: Iterable[Overview]) -> bytes:
    """All metrics of all jobs. What is not known is left out, rather than 0."""
    registry = CollectorRegistry()
    registry.register(_Jobs(tuple(seen)))
    return generate_latest(registry)


class _Jobs:
    """A collector in prometheus_client's sense."""

    def __init__(self, seen: tuple[Overview, ...]) -> None:
        self._seen = seen

    def collect(self) -> Iterator[GaugeMetricFamily]:
        of_jobs = [(each.status.job, _of_job(each)) for each in self._seen]
        for name, meaning in JOB.items():
            family = GaugeMetricFamily(f"zoffsite_{name}", meaning, labels=["job"])
            for job, values in of_jobs:
                if values.get(name) is not None:
                    family.add_metric([job], float(values[name] or 0))
            yield family
        yield from self._of_replicas()

    def _of_replicas(self) -> Iterator[GaugeMetricFamily]:
        found = [
            (each.status.job, replica.source, _of_replica(replica, each))
            for each in self._seen
            for replica in each.status.replicas
        ]
        for name, meaning in REPLICA.items():
            family = GaugeMetricFamily(f"zoffsite_{name}", meaning, labels=["job", "dataset"])
            for job, dataset, values in found:
                if values.get(name) is not None:
                    family.add_metric([job, dataset], float(values[name] or 0))
            yield family


def _of_job(seen: Overview) -> dict[str, float | None]:
    last = seen.last_run
    return {
        "up": seen.error is None,
        "looked_timestamp_seconds": _stamp(seen.status.when),
        "last_success_timestamp_seconds": _stamp(seen.last_success),
        "last_run_timestamp_seconds": _stamp(last.started) if last else None,
        "last_run_duration_seconds": last.seconds if last else None,
        "last_run_ok": last.state is RunState.OK if last else None,
        "next_run_timestamp_seconds": _stamp(seen.next_run),
        "running": seen.live is not None,
        "box_free_bytes": seen.capacity.free,
        "box_full_days": seen.capacity.days_left,
        "recovery_seconds": seen.confidence.recovery.seconds,
    }


def _of_replica(replica: ReplicaStatus, seen: Overview) -> dict[str, float | None]:
    unverified = replica.word is Word.BOX
    return {
        "replica_good": None if unverified and not replica.wrong else replica.good,
        "replica_unverified": unverified,
        "replica_data_timestamp_seconds": _stamp(replica.as_of),
        "replica_snapshot_timestamp_seconds": None if unverified else _stamp(replica.taken),
        "replica_objective_seconds": replica.objective / timedelta(seconds=1),
        "replica_used_bytes": replica.used,
        "replica_growth_bytes": seen.capacity.daily.get(replica.source),
        **_of_evidence(seen.confidence.evidence.get(replica.source, Evidence())),
        "base_room_bytes": replica.base.room if replica.base else None,
    }


def _of_evidence(each: Evidence) -> dict[str, float | None]:
    return {
        "replica_proved_timestamp_seconds": _stamp(each.proved),
        "replica_beyond_proof_streams": each.beyond,
        "replica_drilled_timestamp_seconds": _stamp(each.drill.when) if each.drill else None,
        "replica_drill_ok": each.drill.passed if each.drill else None,
    }


def _stamp(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
