"""Which streams there are to prove, and whether two digests prove anything.

All that is in the snapshots that both sides have is in the full stream of the oldest and the increments between them:
who proves those proves every byte. What only the box still has is proved by challenges, as far as there are any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from shlex import quote

from zoffsite.model.errors import SafetyError
from zoffsite.model.inventory import DatasetState, Inventory
from zoffsite.model.memory import Memory
from zoffsite.model.plan import SendStep
from zoffsite.model.proof import Challenges, Provable, StreamDigest
from zoffsite.model.snapshots import Snapshots
from zoffsite.model.version import Snapshot
from zoffsite.planning.coverage import Coverage
from zoffsite.planning.sends import written_between

Pair = tuple[DatasetState, DatasetState]
"""A dataset as the source has it, and its replica."""
KEPT = 3
"""Challenges that are made of an increment: each is a read of it on the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What there is to prove of some datasets. See ProofPlan for what is `unprovable`, and `beyond` proof."""

    streams: tuple[Provable, ...]
    unprovable: tuple[str, ...]
    beyond: Mapping[str, int]


def gone(
    memory: Memory, source: Inventory, there: Mapping[str, DatasetState], owned: Collection[str]
) -> tuple[Pair, ...]:
    """The replicas on the box whose dataset the source has no more, but for those that another has taken over: `owned`.

    Each beside a source that has nothing of it. What only left the job (`exclude`) or was renamed is not gone.
    """
    guids = {state.dataset.guid for state in source.datasets.values()}
    lost = (
        (known.dataset, there[name])
        for name, known in memory.replicas.items()
        if known.dataset_guid is not None and known.dataset_guid not in guids and name in there and name not in owned
    )
    return tuple((DatasetState(dataset=replace(held.dataset, name=dataset)), held) for dataset, held in lost)


def survey(
    pairs: Iterable[tuple[DatasetState, DatasetState | None]],
    coverage: Coverage,
    challenges: Challenges,
    lost: Iterable[Pair] = (),
) -> Survey:
    """Look at each dataset beside its replica. What is not encrypted was never sent: of that there is nothing.

    What is `lost` (see `gone`) was sent, whatever the box says of it; no backup can make it provable again.
    """
    found, unprovable, beyond, held = list[Provable](), list[str](), Counter[str](), list[Pair]()
    for source, replica in pairs:
        if not source.dataset.encrypted:
            continue
        streams = provable(source, replica, coverage, challenges) if replica else ()
        found += streams
        if not streams:
            unprovable.append(source.dataset.name)
        if replica:
            held.append((source, replica))
    for source, replica in (*held, *lost):
        found += provable_by_challenge(source, replica, coverage, challenges)
        beyond[source.dataset.name] += beyond_proof(
            replica.dataset.name, source.snapshots, replica.snapshots, challenges
        )
    return Survey(streams=tuple(found), unprovable=tuple(unprovable), beyond=+beyond)


def provable(
    source: DatasetState, replica: DatasetState, coverage: Coverage, challenges: Challenges
) -> tuple[Provable, ...]:
    """All streams of one dataset that both ends can make: of the oldest shared snapshot in full, then to each next."""
    theirs = {snapshot.guid: snapshot for snapshot in replica.snapshots}
    shared = list(source.snapshots.shared_with(replica.snapshots))

    def one(base: Snapshot | None, to: Snapshot) -> Provable:
        size = written_between(source, base, to)
        there = theirs[to.guid]
        found = Provable(
            dataset=source.dataset.name,
            replica=replica.dataset.name,
            ours=SendStep(to=to, base=base, estimated_bytes=size),
            theirs=SendStep(to=there, base=theirs[base.guid] if base else None, estimated_bytes=size),
            proved=None,
            newest=to is shared[-1],
        )
        left = challenges[found.unit].left if found.unit in challenges else 0
        missing = max(KEPT - left, 0) if base else 0  # a full one can be made as long as anything is shared
        return replace(found, proved=coverage.since(found.unit), missing=missing)

    return tuple(one(base, to) for base, to in pairwise((None, *shared)) if to is not None)


def provable_by_challenge(
    source: DatasetState, replica: DatasetState, coverage: Coverage, challenges: Challenges
) -> tuple[Provable, ...]:
    """The increments of the box that the source can make no more, as far as challenges are left for them."""
    found = []
    for base, to in _only_there(source.snapshots, replica.snapshots):
        unit = (replica.dataset.name, base.guid if base else 0, to.guid)
        if base is not None and unit in challenges:
            step = SendStep(to=to, base=base, estimated_bytes=written_between(replica, base, to))
            found.append(
                Provable(
                    dataset=source.dataset.name,
                    replica=replica.dataset.name,
                    ours=step,
                    theirs=step,
                    proved=coverage.since(unit),
                    newest=False,
                    challenge=challenges[unit],
                )
            )
    return tuple(found)


def beyond_proof(replica: str, ours: Snapshots, theirs: Snapshots, challenges: Challenges) -> int:
    """How many streams of what the box holds nobody can prove any more: only it can make them, without a challenge."""
    units = ((replica, base.guid if base else 0, to.guid) for base, to in _only_there(ours, theirs))
    return sum(unit not in challenges for unit in units)


def _only_there(ours: Snapshots, theirs: Snapshots) -> Iterator[tuple[Snapshot | None, Snapshot]]:
    guids = set(ours.guids)
    for base, to in pairwise((None, *theirs)):
        if to is not None and not {to.guid, base.guid if base else to.guid} <= guids:
            yield base, to


def difference(each: Provable, ours: StreamDigest, theirs: StreamDigest) -> SafetyError | None:
    """None where both ends hold the same; else the alarm. What only the box says of itself counts for nothing."""
    _, base, to = each.unit
    for said in (ours, theirs):
        if (said.toguid, said.fromguid) != (to, base):
            return _alarm(each, f"a stream of guid {said.toguid} on top of {said.fromguid} was digested")
    if ours.digest != theirs.digest:
        return _alarm(each, "what the box sends of it, by its own zfs, is not what the source sends")
    return None


def words_of(each: Provable) -> str:
    """`@b on top of @a`, or `@b in full`."""
    base = each.ours.base
    return f"@{each.ours.to.name} {f'on top of @{base.name}' if base else 'in full'}"


def _alarm(each: Provable, problem: str) -> SafetyError:
    return SafetyError(
        "prove",
        each.dataset,
        f"{words_of(each)}: {problem}; the replica cannot give back what was backed up",
        "look at the box's disks (zpool status -v); keep the replica aside and begin a new one: on the box, zfs "
        f"rename {quote(each.replica)} {quote(each.replica + '-doubtful')}",
        code="proof-failed",
    )
