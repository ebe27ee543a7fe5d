"""Write down what a raw send does not carry: the properties of datasets that are not the default, for a restore."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime

from zoffsite.actions.memory import ledger_of
from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.job import Job
from zoffsite.model.memory import Remembered
from zoffsite.model.plan import DatasetPlan, Send
from zoffsite.model.property import Property, is_of_others
from zoffsite.model.work import Work
from zoffsite.planning.properties import due_again

log = logging.getLogger(__name__)

Found = Mapping[str, tuple[Property, ...]]


def describe(job: Job, works: Iterable[Work], hosts: Connections, now: datetime) -> None:
    """One command for all datasets, in a run that sends something; one that has nothing to send costs none.

    Once a day another, four times as slow, for the user properties of others; only of what is sent. Stops no backup:
    what went wrong is in the log.
    """
    known = [(work.plan, work.memory) for work in works if work.memory is not None]
    sent = [(plan, memory) for plan, memory in known if isinstance(plan, Send) or memory.properties is None]
    if not sent:
        return
    try:
        source = hosts.source_of(job)
        found = source.properties([plan.source for plan, _ in known])
        due = [plan.source for plan, memory in sent if due_again(memory.described, now)]
        others: Found = {**dict.fromkeys(due, ()), **source.properties_of_others(due)}
        ledger_of(job).describe([_row(plan, memory, found, others, now) for plan, memory in known])
    except ZoffsiteError as error:
        log.warning("the properties of the datasets are not written down: %s", error)


def _row(
    plan: DatasetPlan, memory: Remembered, found: Found, others: Found, now: datetime
) -> tuple[str, str, tuple[Property, ...], datetime]:
    """What the ledger is told of one dataset; user properties that are not in `others` are as they were."""
    theirs, read = others.get(plan.source), now
    if theirs is None:
        theirs = tuple(each for each in memory.properties or () if is_of_others(each.name))
        read = memory.described or now
    return plan.source, plan.replica, (*found.get(plan.source, ()), *theirs), read
