"""All datasets of a run, planned with an eye on each other: clones after their origins, renamed ones found again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from zoffsite.model.family import Family
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.memory import Memory
from zoffsite.model.notice import Notice
from zoffsite.model.plan import Conflict, FullSend, Refused
from zoffsite.model.work import SourceFacts, Work
from zoffsite.planning.clones import (
    Kin,
    doubled,
    family_of,
    kin_of,
    origin_name,
    origin_waits,
    origins_first,
    starts_of_clones,
    with_lends,
)
from zoffsite.planning.expectation import after_send
from zoffsite.planning.strays import (
    diverged_renames_of,
    open_notices,
    renames_of,
    stray_notices,
    strays_of,
    with_renamed,
    with_root,
)

PlanOne = Callable[[DatasetState, Family], Work]


def plan_together(
    job: Job,
    facts: SourceFacts,
    box: Mapping[str, DatasetState],
    names: Mapping[str, str],
    memory: Memory,
    plan_one: PlanOne,
) -> tuple[tuple[Work, ...], tuple[Notice, ...]]:
    """Plan every chosen dataset by `plan_one`, in the order of `facts`, and say what a person should know besides.

    `names` gives the replica of each dataset that the job covers, also where this run leaves it out. `memory` is what
    the ledger knows, empty where it cannot be read.
    """
    kin = kin_of(facts.inventory.datasets)
    root = box.get(job.root)

    def plan_or_refuse(state: DatasetState, family: Family) -> Work:
        return with_root(plan_one(state, family), root)

    strays = strays_of(job, box, names.values())
    works = _planned(facts, box, names, strays, kin, plan_or_refuse)
    renames = diverged_renames_of(job, works, strays, memory) | renames_of(works, strays)
    if renames:  # once more: what is not sent after all is no start for a clone

        def plan_or_stop(state: DatasetState, family: Family) -> Work:
            return with_renamed(job, plan_or_refuse(state, family), renames)

        works = _planned(facts, box, names, strays, kin, plan_or_stop)
    works = with_lends(works)
    twice = (doubled(work.plan, work.source) for work in works)
    opened = open_notices(box, (job.root, *names.values()))
    return works, (*opened, *stray_notices(strays, renames), *(notice for notice in twice if notice is not None))


def _planned(
    facts: SourceFacts,
    box: Mapping[str, DatasetState],
    names: Mapping[str, str],
    strays: tuple[DatasetState, ...],
    kin: Kin,
    plan_one: PlanOne,
) -> tuple[Work, ...]:
    """Each dataset planned as if those before it had been sent."""
    there = {dataset: box[replica] for dataset, replica in names.items() if replica in box}
    missing = {dataset for dataset in names if dataset not in there or not there[dataset].snapshots}
    starts = starts_of_clones(facts.chosen, missing, kin)
    chosen = {state.dataset.name for state in facts.chosen}
    failed = {outcome.source for outcome in facts.left_out}
    stopped = dict[str, Conflict | Refused]()
    works = dict[str, Work]()
    for state in origins_first(facts.chosen):
        name = state.dataset.name
        work = plan_one(state, family_of(state, kin, there, strays, starts.get(name, frozenset())))
        origin = origin_name(state.dataset.origin or "")
        if isinstance(work.plan, FullSend) and origin in names and (origin not in chosen or origin in stopped):
            wait = origin_waits(state, work.plan.replica, stopped.get(origin), failed=origin in failed)
            work = replace(work, plan=wait, raised=())
        if isinstance(work.plan, Conflict | Refused):
            stopped[name] = work.plan
        works[name] = work
        expected = after_send(work)
        if expected is not None:
            there[name] = expected
    return tuple(works[state.dataset.name] for state in facts.chosen)
