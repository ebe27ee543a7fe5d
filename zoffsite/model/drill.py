"""A rehearsed restore, as values: what is drilled, what came back, what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from zoffsite.model.dataset import Kind
from zoffsite.model.notice import Notice
from zoffsite.model.report import ErrorReport
from zoffsite.model.version import Snapshot

DRILL = "drill"
MARK = "zoffsite:drill"
"""The user property by which the scratch of a drill is known. Its value is the job's name."""
SCRATCH = "zoffsite-drill-"
"""What a scratch is called where the settings name none, in its pool; the job's name follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drillable:
    """A dataset of which both ends have a snapshot, the newest such one: `ours` on the source, `theirs` on the box.

    `encryptionroot` is whose key opens it on the source. `drilled` is when that was last done (UTC), however it ended.
    """

    dataset: str
    replica: str
    kind: Kind
    encryptionroot: str
    ours: Snapshot
    theirs: Snapshot
    drilled: datetime | None

    @property
    def pool(self) -> str:
        """The pool that it is in on the source."""
        return self.dataset.partition("/")[0]

    @property
    def size(self) -> int:
        """About how many bytes come back."""
        return self.ours.referenced


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillPlan:
    """What a run drills, in that order. `others` datasets have their turn later.

    `members` are all that have turns, or are drilled beside them. `nothing_there`: of these the box has nothing.
    `foreign`: pairs of dataset and replica that share no snapshot. `scratches` is where drills make theirs, and one
    that was killed may have left it. `nobody`: the settings let none of the datasets have turns.
    """

    job: str
    chosen: tuple[Drillable, ...]
    others: int
    scratches: tuple[str, ...]
    members: frozenset[str] = frozenset()
    nothing_there: tuple[str, ...] = ()
    foreign: tuple[tuple[str, str], ...] = ()
    nobody: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One file that did not come back as it was: its path in the dataset ("" for the volume itself), and what of it."""

    path: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What came back beside the source's own snapshot. `entries` are files, directories and all else; `bytes` were read
    of what came back.

    `differ` counts, `first` names the first few of them. `unread` could not be read on the source itself, so that of
    these nobody knows. `told` is the SHA-256 of the one file that was asked for, as it came back; "" without it, and
    where a file that it lists came back with another.
    """

    entries: int
    bytes: int
    differ: int
    first: tuple[Difference, ...]
    unread: int = 0
    first_unread: tuple[Difference, ...] = ()
    told: str = ""


class DrillResult(StrEnum):
    """PASSED: it comes back, whole. DIFFERENT: it does not, and that is an alarm. FAILED: nobody knows."""

    PASSED = "passed"
    DIFFERENT = "different"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillOutcome:
    """What became of one drill, begun at `when` (UTC). `bytes` came over the wire.

    `recovery` is how many seconds it took until the data could be read, None where it never could; `seconds` is the
    whole drill, with all that was read and cleared away.
    """

    drillable: Drillable
    state: DrillResult
    when: datetime
    bytes: int = 0
    recovery: float | None = None
    seconds: float = 0.0
    compared: Comparison | None = None
    error: ErrorReport | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDrill:
    """The last drill of a dataset, of which both ends knew how it ended: `seconds` until `bytes` could be read."""

    when: datetime
    passed: bool
    bytes: int
    seconds: float


Drilled = Mapping[str, PastDrill]
"""The last drill of each dataset, by its name on the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast data comes back, in bytes per second, and how that is known: `by` is "drills" or "sends".

    `cap` is the bandwidth that the settings allow these, where it decides the rate.
    """

    rate: float
    by: str
    cap: int | None = None
