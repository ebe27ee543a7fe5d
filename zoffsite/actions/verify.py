"""Check a replica against what it must be, by the box's own listing."""

from __future__ import annotations

from zoffsite.actions.look import look_at_replica
from zoffsite.hosts.connections import Connections
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.version import Version
from zoffsite.planning.verification import check_replica, failed_verification


def verify(job: Job, replica: str, expected: Version, hosts: Connections) -> DatasetState:
    """List the replica and check it; its state, for pruning. Raises what `require` raises."""
    return require(replica, expected, look_at_replica(job, hosts, replica).inventory.datasets.get(replica))


def require(replica: str, expected: Version, state: DatasetState | None) -> DatasetState:
    """`state`, if it is what was expected; else OperationError "verify-failed" that says what was expected and seen."""
    findings = check_replica(expected, state)
    if findings or state is None:
        raise failed_verification(replica, findings)
    return state
