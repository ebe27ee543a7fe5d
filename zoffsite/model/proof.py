"""Proof without keys, as values: what is proved, what both ends say, what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from zoffsite.model.errors import ExitCode
from zoffsite.model.plan import SendStep
from zoffsite.model.report import ErrorReport

Unit = tuple[str, int, int]
"""What a proof is of, for the ledger: the replica, the guid of the base (0: a full stream), that of the snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDigest:
    """What one end says of a stream: 64 hex digits, its snapshot and base (0: full), its length."""

    digest: str
    toguid: int
    fromguid: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What the source said of a stream while it could make it: the answer that only who holds the data can give.

    `number` is its place in the ledger. `nonce` is of stream.digest.NONCE bytes, and was never told to anybody.
    `left` says how many there are of the same stream, this one included.
    """

    number: int
    nonce: bytes
    answer: StreamDigest
    left: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """What the ledger knows: when each stream was proved `last` (not where it differed since), when anything of a
    replica `differed` last, and when the first proof of the job `began`. All times are UTC.
    """

    last: Mapping[Unit, datetime] = field(default_factory=dict)
    differed: Mapping[str, datetime] = field(default_factory=dict)
    began: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provable:
    """A stream that both ends can make: `ours` by the names on the source, `theirs` by those of the replica.

    `proved` is since when all of it is proved (UTC), by a proof of its own or by others together, if it ever was;
    `newest`: it leads to the newest that both have. `missing` challenges are to be made of it once it is proved.
    `challenge` is set where the source can make it no more; `ours` is then as `theirs`.
    """

    dataset: str
    replica: str
    ours: SendStep
    theirs: SendStep
    proved: datetime | None
    newest: bool
    missing: int = 0
    challenge: Challenge | None = None

    @property
    def unit(self) -> Unit:
        """Its name in the ledger."""
        return self.replica, self.ours.base.guid if self.ours.base else 0, self.ours.to.guid

    @property
    def size(self) -> int:
        """About how many bytes each end reads to prove it."""
        return self.ours.estimated_bytes

    @property
    def cost(self) -> int:
        """About how many bytes the source reads, with the challenges."""
        return self.size * (1 + self.missing)

    @property
    def created(self) -> datetime:
        """When its snapshot was taken: no proof can be older."""
        return datetime.fromtimestamp(self.ours.to.creation, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofPlan:
    """What a run would prove, in that order. `later` streams are due, too, but beyond what one run may read; those of
    them that were not proved within the time are `overdue`, the longest wait first.

    `fresh` streams were proved within the time. `members` are all datasets of the job. `unprovable` are datasets of
    which both ends share no snapshot; `beyond` how many streams, by dataset, only the box can make, and for which there
    is no challenge.
    """

    job: str
    chosen: tuple[Provable, ...]
    later: int
    fresh: int
    members: frozenset[str] = frozenset()
    overdue: tuple[Provable, ...] = ()
    unprovable: tuple[str, ...] = ()
    beyond: Mapping[str, int] = field(default_factory=dict)


class ProofResult(StrEnum):
    """PROVED: the box holds it, now. DIFFERENT: it does not. FAILED: nobody knows."""

    PROVED = "proved"
    DIFFERENT = "different"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofOutcome:
    """What became of one stream. `bytes` is how long it is on the source; `when` is UTC."""

    provable: Provable
    state: ProofResult
    when: datetime
    bytes: int = 0
    seconds: float = 0.0
    error: ErrorReport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofReport:
    """What a run proved. `started` is UTC."""

    plan: ProofPlan
    started: datetime
    seconds: float
    outcomes: tuple[ProofOutcome, ...]

    @property
    def exit_code(self) -> ExitCode:
        """What the command exits with."""
        bad = any(outcome.state is not ProofResult.PROVED for outcome in self.outcomes)
        return ExitCode.SOME_FAILED if bad else ExitCode.OK


Challenges = Mapping[Unit, Challenge]
"""The next one of each stream that has any."""
