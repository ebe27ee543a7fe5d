"""`zoffsite approve-key` and `zoffsite acknowledge`: a person says yes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from zoffsite.actions.approve import acknowledge, approve_keys, tells_box
from zoffsite.cli.context import console, job_of
from zoffsite.config.loading import load
from zoffsite.hosts.connections import Connections


def run_approve_key(name: str | None, datasets: Sequence[str]) -> None:
    """Trust the keys of these datasets as they are now."""
    job = job_of(load(), name)
    with Connections() as hosts:
        keys = approve_keys(job, datasets, hosts, datetime.now(UTC))
    out = console()
    for dataset, key in keys.items():
        out.print(f"{dataset}: its key as it is now (fingerprint {key[:16]}) may go to the box", soft_wrap=True)
    if job.gated and not tells_box(job):
        out.print(f"{job.box.label} still takes no changed key: `restore_identity_file` is not set", soft_wrap=True)
    out.print(f"Nothing was sent. Next: zoffsite backup --job {job.name}", soft_wrap=True)


def run_acknowledge(name: str | None, datasets: Sequence[str]) -> None:
    """End the alarms of these datasets."""
    job = job_of(load(), name)
    out = console()
    for dataset, alarms in acknowledge(job, datasets).items():
        for alarm in alarms:
            out.print(f"{dataset}: acknowledged: {alarm.message}", soft_wrap=True)
    out.print(f"The next run prunes again: zoffsite backup --job {job.name}", soft_wrap=True)
