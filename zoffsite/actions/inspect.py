"""Try everything that a run needs, without changing anything: both hosts, the datasets, the permissions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from zoffsite.actions.look import look_at_source
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.permissions import Lacking
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.job import Job


def inspect_job(job: Job, hosts: Connections, now: datetime) -> list[tuple[str, str]]:
    """What would stop a run of `job`: each as problem and remedy, those of both sides together."""
    return [*_tried(lambda: _source(job, hosts, now)), *_tried(lambda: _box(job, hosts))]


def _tried(look: Callable[[], list[tuple[str, str]]]) -> list[tuple[str, str]]:
    try:
        return look()
    except ZoffsiteError as error:
        return [(str(error), error.remedy)]


def _source(job: Job, hosts: Connections, now: datetime) -> list[tuple[str, str]]:
    chosen = look_at_source(job, hosts, now).chosen
    plain = [state.dataset.name for state in chosen if not state.dataset.encrypted]
    encrypted = [state.dataset.name for state in chosen if state.dataset.encrypted]
    findings = [
        (
            f"{name} is not encrypted and will be refused",
            f'leave it out: exclude = ["{name}"] in [job.{job.name}], or not in datasets',
        )
        for name in plain
    ]
    return findings + [_words(each) for each in hosts.source_of(job).permissions(encrypted)]


def _box(job: Job, hosts: Connections) -> list[tuple[str, str]]:
    box = hosts.box_of(job)
    box.inventory(job.root)
    return [_words(each) for each in box.permissions()]


def _words(lack: Lacking) -> tuple[str, str]:
    permissions = ", ".join(lack.permissions)
    return f"{lack.host}: user {lack.user} lacks {permissions} on {lack.dataset}", lack.remedy
