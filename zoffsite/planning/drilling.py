"""Which dataset is drilled next, where its scratch is, and what to make of what came back.

Pure: the listings of both ends, what the ledger knows of earlier drills, and the comparison are arguments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from shlex import quote

from zoffsite.model.dataset import Kind
from zoffsite.model.drill import MARK, SCRATCH, Comparison, Difference, Drillable, DrillPlan
from zoffsite.model.errors import OperationError, SafetyError
from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.notice import Notice
from zoffsite.model.patterns import covers
from zoffsite.planning.freshness import objective_of

_SHOWN = 5
"""Differences that a message names."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
BACK, LIVE = "back", "live"
"""What is below the scratch: what came back; and, for a volume, the source's own beside it."""


def drillable(source: DatasetState, replica: DatasetState, turns: Mapping[str, datetime]) -> Drillable | None:
    """The dataset with the newest snapshot that both ends have, by GUID; None where there is none."""
    theirs = {snapshot.guid: snapshot for snapshot in replica.snapshots}
    ours = next((snapshot for snapshot in reversed(source.snapshots) if snapshot.guid in theirs), None)
    if ours is None:
        return None
    return Drillable(
        dataset=source.dataset.name,
        replica=replica.dataset.name,
        kind=source.dataset.kind,
        encryptionroot=source.dataset.encryptionroot or source.dataset.name,
        ours=ours,
        theirs=theirs[ours.guid],
        drilled=turns.get(source.dataset.name),
    )


def is_for_drills(job: Job, dataset: str) -> bool:
    """Whether a drill on a schedule may take this dataset: it has turns, or it is the canary, which needs none."""
    return dataset == job.drill.canary or _has_turns(job, dataset)


def _has_turns(job: Job, dataset: str) -> bool:
    return not job.drill.datasets or covers(job.drill.datasets, dataset, recursive=job.recursive)


def choose(
    job: Job,
    found: Iterable[Drillable],
    *,
    nothing_there: Sequence[str] = (),
    foreign: Sequence[tuple[str, str]] = (),
    asked: Collection[str] = (),
) -> DrillPlan:
    """All that were asked for; else the canary, and of the others the one whose last drill is longest ago, or that had
    none: of several the smallest.

    However that drill ended: one that always fails must not keep the others from their turns. The canary is some
    kilobytes, and what it says of the box's age is of use only while that is young.
    """
    everything = sorted(found, key=lambda each: (each.drilled or _LONG_AGO, each.size, each.dataset))
    canary = [each for each in everything if each.dataset == job.drill.canary]
    chosen = everything if asked else canary + [each for each in everything if each not in canary][:1]
    names = [*(each.dataset for each in everything), *nothing_there, *(dataset for dataset, _ in foreign)]
    return DrillPlan(
        job=job.name,
        chosen=tuple(chosen),
        others=len(everything) - len(chosen),
        scratches=tuple(sorted({_scratch(job, each) for each in everything})),
        members=frozenset(names),
        nothing_there=tuple(nothing_there),
        foreign=tuple(foreign),
        nobody=not any(asked or _has_turns(job, name) for name in names),
    )


def scratch_of(job: Job, each: Drillable) -> str:
    """The dataset that the drill makes. Raises OperationError "scratch-elsewhere" for a volume of another pool."""
    scratch = _scratch(job, each)
    if each.kind is Kind.VOLUME and scratch.partition("/")[0] != each.pool:
        raise OperationError(
            "drill",
            each.dataset,
            f"it is a volume, of which the source's own snapshot is read as a clone, and {scratch} is in another pool",
            f"leave out `scratch` in [job.{job.name}.drill], or name one in the pool {each.pool}",
            code="scratch-elsewhere",
        )
    return scratch


def _scratch(job: Job, each: Drillable) -> str:
    return job.drill.scratch or f"{each.pool}/{SCRATCH}{job.name}"


def scratch_exists(job: Job, scratch: str, owner: str | None) -> SafetyError:
    """What has the scratch's name is none that this drill may use."""
    whose = f"it is the scratch of job {owner}" if owner else f"no drill has made it: it does not bear {MARK}"
    return SafetyError(
        "drill in",
        scratch,
        f"it exists, and {whose}",
        f"name another dataset as `scratch` in [job.{job.name}.drill]; it is made by the drill, and destroyed",
        code="scratch-exists",
    )


def key_file(job: Job, each: Drillable, keylocation: str) -> str | None:
    """Where the key is read from: the settings, else the dataset's own place; None where a person must be asked."""
    named = dict(job.drill.key_files).get(each.encryptionroot)
    own = keylocation.removeprefix("file://") if keylocation.startswith("file:///") else None
    return named or own


def verdict(
    job: Job, each: Drillable, compared: Comparison, canary: str | None, now: datetime
) -> OperationError | SafetyError | None:
    """None where all came back as it is on the source. SafetyError: an alarm. OperationError: nobody knows.

    `canary` is the digest that the ledger has of what was written before the snapshot, None where nothing was. With it
    the file is as old as the source's snapshot, which must be younger than the objective.
    """
    if compared.differ:
        count = f"{compared.differ} files are" if compared.differ > 1 else "one file is"
        return alarm(each, f"{count} not what the source has: {words_of(compared.first)}")
    if canary is not None and compared.told != canary:
        return alarm(
            each, "the canary in it, or a file that it lists, is not the one that was written before that snapshot"
        )
    if compared.unread:
        return OperationError(
            "drill",
            each.dataset,
            f"{compared.unread} files of the source's own @{each.ours.name} could not be read: "
            f"{words_of(compared.first_unread)}",
            f"look at the source's disks: zpool status -v {quote(each.pool)}",
            code="source-unreadable",
        )
    return _stale(job, each, now)


def _stale(job: Job, each: Drillable, now: datetime) -> OperationError | None:
    """Each run writes into the canary: where the newest that both have is old, the box has nothing of later runs."""
    written, objective = datetime.fromtimestamp(each.ours.creation, UTC), objective_of(job, each.dataset)
    if each.dataset != job.drill.canary or now - written <= objective:
        return None
    return OperationError(
        "drill",
        each.dataset,
        f"the canary came back whole, but it was written on {written:%Y-%m-%d %H:%M} UTC, which is longer ago than the "
        f"objective ({objective}): the box has nothing newer of it",
        f"see why: zoffsite status --job {job.name}; then: zoffsite backup --job {job.name}",
        code="canary-stale",
    )


def unknown_canary(job: Job, each: Drillable, canary: str | None) -> Notice | None:
    """What a person should know of a canary that could not be looked at."""
    if each.dataset != job.drill.canary or canary is not None:
        return None
    return Notice(
        code="canary-unknown",
        subject=each.dataset,
        message=f"the ledger does not know what was written before @{each.ours.name}, so that its canary was compared "
        "with the source's own only",
        remedy=f"the next backup writes a new one: zoffsite backup --job {job.name}",
    )


def alarm(each: Drillable, problem: str) -> SafetyError:
    """What came back is not what was backed up."""
    return SafetyError(
        "drill",
        each.dataset,
        f"@{each.ours.name} came back from the box, but {problem}",
        "look at the box's disks (zpool status -v); keep the replica aside and begin a new one: on the box, zfs "
        f"rename {quote(each.replica)} {quote(each.replica + '-doubtful')}",
        code="drill-failed",
    )


def words_of(differences: Sequence[Difference]) -> str:
    """`a/b (another mode); c (it is missing) …`."""
    shown = "; ".join(f"{each.path or 'the whole'} ({each.what})" for each in differences[:_SHOWN])
    return f"{shown} …" if len(differences) > _SHOWN else shown


def notices_of(job: Job, plan: DrillPlan) -> tuple[Notice, ...]:
    """What a person should know of what cannot be drilled yet."""
    missing = (
        Notice(
            code="nothing-there",
            subject=dataset,
            message="the box holds nothing of it yet, so that nothing can come back",
            remedy=f"zoffsite backup --job {job.name}",
        )
        for dataset in plan.nothing_there
    )
    return (*([_nobody(job)] if plan.nobody else []), *missing)


def _nobody(job: Job) -> Notice:
    return Notice(
        code="nothing-to-drill",
        subject=f"job {job.name}",
        message="no dataset of the job has turns",
        remedy=f"correct `datasets` in [job.{job.name}.drill]; see what the job has: zoffsite plan --job {job.name}",
        alert=True,
    )


def no_common(job: Job, dataset: str, replica: str) -> OperationError:
    """What the box holds is of another history."""
    return OperationError(
        "drill",
        dataset,
        f"{replica} has snapshots, but none that the source has: what comes back can be compared with nothing",
        f"see what a backup says of it: zoffsite plan --job {job.name}",
        code="no-common-snapshot",
    )
