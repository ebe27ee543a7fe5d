"""See that what is to be sent fits on the box: for nothing but the listings, unless it is close."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from zoffsite.hosts.connections import Connections
from zoffsite.hosts.endpoint import Source
from zoffsite.model.errors import OperationError
from zoffsite.model.inventory import Inventory
from zoffsite.model.job import Job
from zoffsite.model.plan import PrunePlan, Side
from zoffsite.model.work import Work
from zoffsite.planning.retention import plan_prunes_of
from zoffsite.planning.space import fits, least, refuse_what_does_not_fit, room, to_ask

log = logging.getLogger(__name__)


def see_that_it_fits(
    job: Job, hosts: Connections, works: Iterable[Work], box: Inventory, now: datetime
) -> tuple[Work, ...]:
    """`works`, those refused for which there is too little room. Only where it is close does it cost processes."""
    works, available = tuple(works), room(job, box)
    if fits(works, available):
        return works
    source = hosts.source_of(job)
    needs = {work.plan.source: least(work.plan, _streams(source, work)) for work in works}
    prunes = {work.plan.source: prune for work in works for prune in _prunes(job, work, now)}
    return tuple(refuse_what_does_not_fit(job, works, available, needs, prunes))


def _streams(source: Source, work: Work) -> dict[int, int]:
    """The lengths of the streams, by guid. One that cannot be told is left out: the send itself will say why."""
    told = dict[int, int]()
    for step in to_ask(work.plan):
        try:
            told[step.to.guid] = source.estimate(step)
        except OperationError as error:
            log.warning("%s; %s", error, error.remedy)
    return told


def _prunes(job: Job, work: Work, now: datetime) -> Iterable[PrunePlan]:
    """What retention would free on the box if it were applied before anything is sent."""
    return [prune for prune in plan_prunes_of(job, work, work.replica, now) if prune.side is Side.BOX]
