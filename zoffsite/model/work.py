"""The values that pass from one step of a job to the next: snapshot → common base → send → verify → prune."""

from __future__ import annotations

from dataclasses import dataclass

from zoffsite.model.family import ALONE, Family
from zoffsite.model.inventory import DatasetState, Inventory
from zoffsite.model.memory import NOTHING, Remembered
from zoffsite.model.notice import Notice
from zoffsite.model.plan import Conflict, DatasetPlan, JobPlan
from zoffsite.model.report import DatasetOutcome
from zoffsite.model.version import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """The source after its snapshots: `chosen` are the job's datasets, encrypted or not; `to_snapshot` full names.

    `left_out` are the datasets that are none of the chosen any more, because something failed before their snapshot.
    `vanished` is what was backed up before, and is not there any more, by the job's own names and patterns.
    """

    inventory: Inventory
    chosen: tuple[DatasetState, ...]
    to_snapshot: tuple[str, ...]
    notices: tuple[Notice, ...] = ()
    left_out: tuple[DatasetOutcome, ...] = ()
    vanished: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One dataset's share of a run: its plan, and the facts that the plan was made from.

    `memory` is what the ledger knows of it, None where it cannot be read; `raised` are alarms that the plan itself is.
    `family` is what it shares with clones; `lends` the guids of its snapshots that clones start from in this run.
    """

    plan: DatasetPlan
    source: DatasetState
    replica: DatasetState | None
    memory: Remembered | None = NOTHING
    raised: tuple[Notice, ...] = ()
    family: Family = ALONE
    lends: frozenset[int] = frozenset()

    @property
    def prunable(self) -> bool:
        """False while an alarm stands, or where nobody can know."""
        return self.memory is not None and not self.memory.alarms and not self.raised


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The target as a run finds it, in bytes: `used` by the job's replicas, `free` for more of them."""

    used: int
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWork:
    """The plan of the whole run, with the facts of each dataset, in the same order; what has vanished has none."""

    plan: JobPlan
    datasets: tuple[Work, ...]
    room: Room | None = None
    vanished: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The datasets that a run finds the job to have, where its report has only those to which it came."""

    datasets: frozenset[str]

    @classmethod
    def of(cls, work: JobWork) -> Members:
        """Those that were planned for."""
        return cls(datasets=frozenset(plan.source for plan in work.plan.datasets))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a send brought to the box: `newest` is what the replica must have now.

    `bytes` crossed the wire in the attempt that succeeded, in `seconds`; failed ones before it are in the report only.
    `source` is the dataset as the plan that was carried out saw it, which may be a later one than the run's first.
    """

    newest: Snapshot
    bytes: int
    seconds: float
    source: DatasetState | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How many snapshots pruning destroyed on each side."""

    source: int
    box: int
