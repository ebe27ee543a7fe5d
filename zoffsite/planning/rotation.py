"""What one run proves, so that run after run everything is proved within the time; and what does not fit is told.

What has waited for most of the time goes first, the longest wait before all others: that one may even be larger than
what a run reads. A part of each run is kept for what was never proved, the newest first, then in an order that nobody
can foresee; what of that finds no room grows old, too, and so has its turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, inf
from random import Random

from humanize import naturalsize

from zoffsite.model.job import Job
from zoffsite.model.notice import Notice
from zoffsite.model.proof import ProofPlan, Provable

SOON = 0.8
"""The share of the time after which a stream is due again: the rest levels out what one run cannot read."""
NEW = 0.25
"""The share of a run that is kept for what was never proved."""
_NAMED = 3
"""Datasets that a message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One run at `now` (UTC): everything is to be proved `within`, and it reads about `at_most` bytes (None: all).

    `began` is when the first proof of the job was made: nothing has waited for longer. None: there is none yet.
    """

    now: datetime
    within: timedelta
    at_most: int | None
    began: datetime | None

    def waits_since(self, each: Provable) -> datetime:
        """From when on its time counts."""
        return each.proved or max(each.created, self.began or self.now)


def choose(
    job: str,
    found: Iterable[Provable],
    turn: Turn,
    random: Random,
    *,
    unprovable: Sequence[str] = (),
    beyond: Mapping[str, int] | None = None,
) -> ProofPlan:
    """What one run proves: of what is due as much as it may read, but one stream at least."""
    streams = list(found)
    since = {each.unit: turn.waits_since(each) for each in streams}
    order = {each.unit: random.random() for each in streams}
    soon = turn.now - turn.within * SOON
    old = [each for each in streams if since[each.unit] <= soon]
    new = [each for each in streams if since[each.unit] > soon and (each.proved is None or each.missing)]
    old.sort(key=lambda each: (since[each.unit], order[each.unit]))
    new.sort(key=lambda each: (not each.newest, order[each.unit]))
    most = inf if turn.at_most is None else float(turn.at_most)
    chosen = list(_fitting(old, most, enough=most * (1 - NEW), at_least_one=True))
    chosen += _fitting(new, max(most - _cost(chosen), most * NEW), at_least_one=not chosen)
    taken = {each.unit for each in chosen}
    chosen += _fitting([each for each in old if each.unit not in taken], most - _cost(chosen))
    taken |= {each.unit for each in chosen}
    late = [each for each in old if each.unit not in taken and since[each.unit] <= turn.now - turn.within]
    return ProofPlan(
        job=job,
        chosen=tuple(chosen),
        later=len(old) + len(new) - len(chosen),
        fresh=len(streams) - len(old) - len(new),
        overdue=tuple(late) if turn.within else (),  # with no time at all nothing could be proved in time
        unprovable=tuple(unprovable),
        beyond=dict(beyond or {}),
    )


def notices_of(job: Job, plan: ProofPlan) -> tuple[Notice, ...]:
    """What a person should know of a run that proves nothing, or not everything."""
    found = [
        Notice(
            code="unprovable",
            subject=dataset,
            message="the two sides share no snapshot, so that nothing of it can be proved",
            remedy=f"zoffsite backup --job {job.name}",
        )
        for dataset in plan.unprovable
    ]
    found += [
        Notice(
            code="beyond-proof",
            subject=dataset,
            message=beyond_words(count),
            remedy="have the source keep snapshots for longer, at least for a few proofs: [job.NAME.keep.source]",
        )
        for dataset, count in plan.beyond.items()
    ]
    if plan.overdue:
        found.append(_overdue(job, plan))
    if not plan.chosen and plan.fresh:
        words = f"all {plan.fresh} streams were proved lately, so that none is due"
        remedy = f"to prove them again: zoffsite prove --job {job.name} --within 0"
        found.append(Notice(code="proved-lately", subject=job.name, message=words, remedy=remedy))
    return tuple(found)


def beyond_words(count: int) -> str:
    """Of streams that only the box can make."""
    streams = "1 stream" if count == 1 else f"{count} streams"
    return f"{streams} of older history only the box has, without a challenge left: nobody can prove them any more"


def overdue_words(plan: ProofPlan) -> str:
    """What should have been proved, and has no room in this run."""
    datasets = list(dict.fromkeys(each.dataset for each in plan.overdue))
    more = f" and {len(datasets) - _NAMED} more" if len(datasets) > _NAMED else ""
    count, size = len(plan.overdue), naturalsize(_cost(plan.overdue), binary=True)
    streams = "1 stream was" if count == 1 else f"{count} streams were"
    which = f"{', '.join(datasets[:_NAMED])}{more}"
    return f"{streams} not proved in time, and there is no room for it in this run: {size} of {which}"


def _overdue(job: Job, plan: ProofPlan) -> Notice:
    enough = f"{ceil((_cost(plan.overdue) + _cost(plan.chosen)) / 10**9)} GB"
    return Notice(
        code="proof-overdue",
        subject=job.name,
        message=overdue_words(plan),
        remedy=f"raise at_most in [job.{job.name}.proof], or prove more often, or give it longer (within); once: "
        f'zoffsite prove --job {job.name} --at-most "{enough}"',
        alert=True,
    )


def _cost(streams: Iterable[Provable]) -> int:
    return sum(each.cost for each in streams)


def _fitting(
    streams: Iterable[Provable], most: float, *, enough: float = inf, at_least_one: bool = False
) -> Iterator[Provable]:
    """Those that fit, one after the other, until it is enough; the first in any case with `at_least_one`."""
    taken = 0
    for each in streams:
        if at_least_one or (taken < enough and taken + each.cost <= most):
            at_least_one = False
            taken += each.cost
            yield each
