"""Try everything that a run needs, without changing anything: both hosts, the datasets, the permissions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from zoffsite.actions.disk import target_needed
from zoffsite.actions.look import look_at_source
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.permissions import Lacking
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.inventory import Inventory
from zoffsite.model.job import Job
from zoffsite.planning.choice import refused_choice
from zoffsite.planning.selection import idle_exclusions
from zoffsite.planning.space import room

Problem = tuple[str, str]
"""What is wrong, and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What would stop a run of a job; and where nothing would, the bytes that its replicas may still take."""

    problems: list[Problem]
    room: int = 0


def inspect_job(job: Job, hosts: Connections, state_dir: Path, now: datetime) -> Inspection:
    """Look at both sides; what is wrong on one of them hides nothing of the other."""
    inventories = list[Inventory]()

    def target() -> list[Problem]:
        with target_needed(job, hosts, state_dir, now):
            inventories.append(hosts.box_of(job).inventory(job.root))
            return [_words(each) for each in hosts.box_of(job).permissions()]

    problems = [*_tried(lambda: _source(job, hosts, now)), *_tried(target)]
    return Inspection(problems=problems, room=max((room(job, each) for each in inventories), default=0))


def _tried(look: Callable[[], list[Problem]]) -> list[Problem]:
    try:
        return look()
    except ZoffsiteError as error:
        return [(str(error), error.remedy)]


def _source(job: Job, hosts: Connections, now: datetime) -> list[Problem]:
    facts = look_at_source(job, hosts, now)
    chosen = facts.chosen
    plain = [state.dataset.name for state in chosen if not state.dataset.encrypted]
    encrypted = [state.dataset.name for state in chosen if state.dataset.encrypted]
    findings = [
        (
            f"{name} is not encrypted and will be refused",
            f'leave it out: exclude = ["{name}"] in [job.{job.name}], or not in datasets',
        )
        for name in plain
    ]
    findings += [(f"{idle.subject}: {idle.message}", idle.remedy) for idle in idle_exclusions(job, facts.inventory)]
    findings += [(f"{gone.source}: {gone.reason}", gone.remedy) for gone in facts.vanished]
    choices = [refusal for state in chosen if (refusal := refused_choice(job, state, "")) is not None]
    findings += [(f"{refusal.source}: {refusal.reason}", refusal.remedy) for refusal in choices]
    return findings + [_words(each) for each in hosts.source_of(job).permissions(encrypted)]


def _words(lack: Lacking) -> Problem:
    permissions = ", ".join(lack.permissions)
    return f"{lack.host}: user {lack.user} lacks {permissions} on {lack.dataset}", lack.remedy
