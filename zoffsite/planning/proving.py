"""Which streams to prove next, and whether two digests prove anything.

All that the box holds of a dataset is one full stream and the increments around it: who proves those, each within some
time, proves every byte of every snapshot there. One run reads only so much, so the newest comes first, then what was
never proved, in an order that nobody can foresee, then what was proved longest ago.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from random import Random
from shlex import quote

from zoffsite.model.errors import SafetyError
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.notice import Notice
from zoffsite.model.plan import SendStep
from zoffsite.model.proof import Challenges, ProofOutcome, ProofPlan, ProofResult, Provable, Proved, StreamDigest
from zoffsite.model.version import Snapshot
from zoffsite.planning.sends import written_between


def provable(source: DatasetState, replica: DatasetState, proved: Proved, since: datetime) -> tuple[Provable, ...]:
    """All streams of one dataset that both ends can make: a full one, and from each shared snapshot to the next.

    The full one is of a snapshot that was proved in full after `since`, if there is one; else of the newest.
    """
    theirs = {snapshot.guid: snapshot for snapshot in replica.snapshots}
    shared = [snapshot for snapshot in source.snapshots if snapshot.guid in theirs]
    if not shared:
        return ()

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
        return replace(found, proved=proved.get(found.unit))

    full = [one(None, snapshot) for snapshot in shared]
    anchor = next((each for each in reversed(full) if each.proved is not None and each.proved > since), full[-1])
    return (anchor, *(one(base, to) for base, to in pairwise(shared)))


def provable_by_challenge(
    source: DatasetState, replica: DatasetState, proved: Proved, challenges: Challenges
) -> tuple[Provable, ...]:
    """The increments of the box that the source can make no more, as far as challenges are left for them."""
    ours = {snapshot.guid for snapshot in source.snapshots}
    found = []
    for base, to in pairwise(replica.snapshots):
        unit = (replica.dataset.name, base.guid, to.guid)
        if not {base.guid, to.guid} <= ours and unit in challenges:
            step = SendStep(to=to, base=base, estimated_bytes=written_between(replica, base, to))
            found.append(
                Provable(
                    dataset=source.dataset.name,
                    replica=replica.dataset.name,
                    ours=step,
                    theirs=step,
                    proved=proved.get(unit),
                    newest=False,
                    challenge=challenges[unit],
                )
            )
    return tuple(found)


def wants_challenges(outcome: ProofOutcome) -> bool:
    """An increment that was proved for the first time: a full stream can be made as long as anything is shared."""
    each = outcome.provable
    proved = outcome.state is ProofResult.PROVED and each.proved is None
    return proved and each.ours.base is not None and each.challenge is None


def choose(
    job: str, found: Iterable[Provable], since: datetime, at_most: int | None, unprovable: Sequence[str], random: Random
) -> ProofPlan:
    """What one run proves: what was not proved since `since`, at most `at_most` bytes, but one stream at least."""
    streams = list(found)
    due = [each for each in streams if each.proved is None or each.proved <= since]
    order = {each.unit: random.random() for each in due}
    due.sort(key=lambda each: (each.proved is not None, not each.newest, each.proved or since, order[each.unit]))
    chosen: list[Provable] = []
    left = at_most
    for each in due:
        if left is not None and chosen and each.size > left:
            continue
        chosen.append(each)
        left = None if left is None else max(left - each.size, 0)
    return ProofPlan(
        job=job,
        chosen=tuple(chosen),
        later=len(due) - len(chosen),
        fresh=len(streams) - len(due),
        unprovable=tuple(unprovable),
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
    if not plan.chosen and plan.fresh:
        words = f"all {plan.fresh} streams were proved lately, so that none is due"
        remedy = f"to prove them again: zoffsite prove --job {job.name} --within 0"
        found.append(Notice(code="proved-lately", subject=job.name, message=words, remedy=remedy))
    return tuple(found)


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
