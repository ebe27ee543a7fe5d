"""Say yes to what was held back: a changed key, an alarm."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from zoffsite.actions.look import look_at_source
from zoffsite.actions.memory import ledger_of
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.transfer import peek_key
from zoffsite.model.errors import OperationError, SettingsError
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.memory import StandingAlarm
from zoffsite.model.plan import SendStep
from zoffsite.zfs.names import replica_of


def approve_keys(job: Job, datasets: Sequence[str], hosts: Connections, now: datetime) -> dict[str, str]:
    """Trust these datasets and their wrapped keys as they are on the source now; their fingerprints. Sends nothing.

    A box with a gate is told first, by the key for restores. Where there is none, only what has the key that the
    replica has can be sent: the gate does not take the word of the key for backups.
    """
    chosen = look_at_source(job, hosts, now, datasets).chosen
    keys = {state.dataset.name: peek_key(hosts.source_of(job), _newest(state), job.stall) for state in chosen}
    if tells_box(job):
        box = hosts.restore_box_of(job)
        for name, key in keys.items():
            box.allow_key(replica_of(job, name), key)
    ledger = ledger_of(job)
    for state in chosen:
        name = state.dataset.name
        ledger.trust(replica_of(job, name), name, state.dataset.guid, keys[name], anew=True)
    return keys


def tells_box(job: Job) -> bool:
    """Whether the box has to hear of a changed key, and there is the key for that."""
    return job.gated and job.restore_identity is not None


def acknowledge(job: Job, datasets: Sequence[str]) -> dict[str, tuple[StandingAlarm, ...]]:
    """End the alarms of these datasets; which they were. Contacts no host.

    Raises SettingsError "no-alarm" when none stands for one of them; then none was ended.
    """
    ledger = ledger_of(job)
    standing = ledger.alarms()
    quiet = [dataset for dataset in datasets if dataset not in standing]
    if quiet:
        known = f"alarms stand for: {', '.join(sorted(standing))}" if standing else "no alarm stands"
        raise SettingsError(
            "acknowledge", ", ".join(quiet), f"no alarm stands for it in job {job.name}", known, code="no-alarm"
        )
    return {dataset: ledger.acknowledge(dataset) for dataset in datasets}


def _newest(state: DatasetState) -> SendStep:
    if state.newest is None:
        raise OperationError(
            "read the key of",
            state.dataset.name,
            "it has no snapshot whose stream could show it",
            "nothing of it has been sent: there is nothing to approve",
            code="no-snapshot",
        )
    return SendStep(to=state.newest, base=None, estimated_bytes=0)
