"""Is an increment far beyond the dataset's own habit? Ransomware rewrites everything, a wiped dataset frees everything.

Judged by what the source says of its own snapshots, before anything is sent: so an interrupted send, or a run that is
killed before the ledger hears of it, hides nothing. The habit is made of the same figures, written down once each has
arrived, not of what crossed the wire: that is less where a send was resumed. Where a size is not known, it is neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from humanize import naturalsize

from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Alarm, Job
from zoffsite.model.memory import Remembered
from zoffsite.model.notice import Notice
from zoffsite.model.plan import DatasetPlan, Send, SendStep
from zoffsite.planning.memory import acknowledge_command, lost

HABIT_BEGINS = 3
"""Increments that make a habit; before that nobody can say what is usual."""
OUTLIERS_FROM = 5
"""From so many on, the largest tenth (at least one) does not count: what happened once is no habit."""
TRIFLE = 1 << 20
"""Bytes: that less than this was freed says nothing, for it may all be ZFS's own."""


def unusual(
    job: Job, plan: DatasetPlan, source: DatasetState, replica: DatasetState | None, increments: Sequence[int]
) -> tuple[Notice, ...]:
    """An alarm for each kind of thing that is far beyond the habit in what `plan` would send; most often none.

    `increments` are the sizes of the last ones. A full send has nothing to be compared with.
    """
    if not isinstance(plan, Send) or plan.steps[0].base is None:
        return ()
    found: dict[str, Notice] = {}
    for code, message in _findings(job.alarm, plan.steps, source, replica, increments):
        remedy = (
            f"look before anything else is lost; nothing of it is pruned until: {acknowledge_command(job, plan.source)}"
        )
        found.setdefault(code, Notice(code=code, subject=plan.source, message=message, remedy=remedy, alert=True))
    return tuple(found.values())


def alarms(
    job: Job, plan: DatasetPlan, source: DatasetState, replica: DatasetState | None, memory: Remembered
) -> tuple[Notice, ...]:
    """All alarms that facts and memory raise now. One that stands already is not raised again."""
    loss = lost(job, plan.source, replica, memory)
    found = (*((loss,) if loss else ()), *unusual(job, plan, source, replica, memory.increments))
    standing = {alarm.code for alarm in memory.alarms}
    return tuple(notice for notice in found if notice.code not in standing)


def usual(increments: Sequence[int]) -> int | None:
    """The largest increment that is no outlier, in bytes; None before there is a habit."""
    if len(increments) < HABIT_BEGINS:
        return None
    outliers = max(1, len(increments) // 10) if len(increments) >= OUTLIERS_FROM else 0
    return sorted(increments)[-1 - outliers]


def _findings(
    alarm: Alarm,
    steps: Sequence[SendStep],
    source: DatasetState,
    replica: DatasetState | None,
    increments: Sequence[int],
) -> Iterator[tuple[str, str]]:
    habit, before = usual(increments), _referenced(steps[0], source, replica)
    for step in steps:
        written = step.written
        if habit is not None and written is not None and written >= alarm.at_least and written > alarm.factor * habit:
            yield (
                "unusual-increment",
                f"@{step.to.name} brings {_size(written)}, though more than {_size(habit)} is not usual: as when "
                "everything is rewritten",
            )
        left = step.to.referenced
        if left < alarm.freed * before and before - left >= TRIFLE:
            yield "mostly-freed", f"@{step.to.name} has {_size(left)} left of {_size(before)}"


def _referenced(first: SendStep, source: DatasetState, replica: DatasetState | None) -> int:
    """Bytes of data at the base: as the source has it, or, where it has only a bookmark of it, the box."""
    assert first.base is not None  # noqa: S101 - only increments get here
    guid = first.base.guid
    found = source.snapshots.find(guid) or (replica.snapshots.find(guid) if replica else None)
    return found.referenced if found else 0


def _size(count: int) -> str:
    return naturalsize(count, binary=True)
