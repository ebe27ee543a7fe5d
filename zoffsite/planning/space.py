"""Does what is to be sent fit on the box? What surely does not is refused before its first byte.

Nothing is refused that could fit. What the box has is the most that any dataset there says: `available` knows of all
quotas around it, but a refquota of the root itself, which binds no replica, lowers only the root's own [lab]. What a
dataset needs is first thought to be what the source's listing says. That can be too much: there it may lie on RAID-Z or
be kept in copies. So where the listed sizes are too much, zfs itself is asked how long each stream would be, and a
tenth of that is left out: streams carry headers that disks do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from shlex import quote
from typing import TypeGuard

from humanize import naturalsize

from zoffsite.model.inventory import Inventory
from zoffsite.model.job import Job
from zoffsite.model.plan import DatasetPlan, PrunePlan, Refused, ResumeSend, Send, SendStep
from zoffsite.model.work import Work

NO_SPACE = "no-space"
HEADERS = 0.1
"""The share of a stream that may be headers: 312 bytes a record, most of it where blocks are small."""

MOST_ASKED = 50
"""Steps of one dataset that zfs is asked of; each takes a process. What those after them need is not counted."""


def room(job: Job, box: Inventory) -> int:
    """Bytes that replicas may still take, the reserve left out; less than 0 where that is used already."""
    return max((state.dataset.available for state in box.datasets.values()), default=0) - job.reserve


def fits(works: Iterable[Work], available: int) -> bool:
    """True when everything fits by the listed sizes alone, so that nobody needs to be asked."""
    needs = [(sum(step.estimated_bytes for step in work.plan.steps), work) for work in works if _sends(work.plan)]
    return sum(need for need, _ in needs) <= max(available, 0) and all(need <= _own(work) for need, work in needs)


def to_ask(plan: DatasetPlan) -> Sequence[SendStep]:
    """The steps whose streams zfs can tell the length of; of what is resumed it has told already."""
    if not _sends(plan):
        return ()
    steps = plan.steps[1:] if isinstance(plan, ResumeSend) else plan.steps
    return [step for step in steps if step.to.taken][:MOST_ASKED]


def least(plan: DatasetPlan, streams: Mapping[int, int]) -> int:
    """The bytes that the plan takes at least on the box. `streams` are the lengths that zfs told, by guid."""
    if not _sends(plan):
        return 0
    listed = {step.to.guid: _least_listed(plan, step) for step in plan.steps}
    return int(sum(streams.get(guid, size) for guid, size in listed.items()) * (1 - HEADERS))


def refuse_what_does_not_fit(
    job: Job, works: Iterable[Work], available: int, needs: Mapping[str, int], prunes: Mapping[str, PrunePlan]
) -> Iterator[Work]:
    """`works` in their order, each granted what it needs; those for which too little is left are refused.

    `needs` are bytes by the dataset's name, `prunes` what retention would free of its replica as it is, by the same.
    """
    left = available
    for work in works:
        need = needs.get(work.plan.source, 0)
        if not _sends(work.plan):
            yield work
        elif need <= min(left, _own(work)):
            left -= need
            yield work
        else:
            yield replace(work, plan=_refused(job, work, need, left, prunes.get(work.plan.source)))


def crowded_out(plan: DatasetPlan) -> TypeGuard[Refused]:
    """True where nothing but room is missing: what retention keeps no longer there may go first."""
    return isinstance(plan, Refused) and plan.code == NO_SPACE


def _sends(plan: DatasetPlan) -> TypeGuard[Send]:
    return isinstance(plan, Send)


def _least_listed(plan: Send, step: SendStep) -> int:
    """Where zfs has not been asked: what it told of a token, or what will be in a snapshot that is not taken yet."""
    if isinstance(plan, ResumeSend) and step is plan.steps[0]:
        return step.estimated_bytes
    return 0 if step.to.taken or step.written is None else step.written


def _own(work: Work) -> int:
    """What the replica itself may still take: a quota may be set on it alone."""
    return 2**64 if work.replica is None else work.replica.dataset.available


def _refused(job: Job, work: Work, need: int, left: int, prune: PrunePlan | None) -> Refused:
    plan = work.plan
    own = _own(work)
    where, free = (plan.replica, own) if own < left else (job.root, max(left, 0))
    reserve = f" beside the reserve of {_size(job.reserve)}" if job.reserve and where == job.root else ""
    return Refused(
        source=plan.source,
        replica=plan.replica,
        code=NO_SPACE,
        reason=f"it takes at least {_size(need)}, but only {_size(free)} are left below {where}{reserve}",
        remedy=_remedy(where, prune),
    )


def _remedy(where: str, prune: PrunePlan | None) -> str:
    look = f"on the box, make room or raise the quota: zfs list -o space -r {quote(where)}; or exclude datasets"
    if prune is None or not prune.destroys:
        return look
    gone = f"the {len(prune.destroy)} snapshots there that retention keeps no longer"
    return f"{look}; a run destroys {gone}, and the next one tries again"


def _size(count: int) -> str:
    return naturalsize(count, binary=True)
