"""Which datasets a job is about."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from zoffsite.model.dataset import CHOICE
from zoffsite.model.errors import SettingsError
from zoffsite.model.inventory import DatasetState, Inventory
from zoffsite.model.job import Job
from zoffsite.model.notice import Notice
from zoffsite.model.patterns import covers
from zoffsite.model.plan import Conflict
from zoffsite.planning.choice import mistaken, opted_in, opted_out

_WILDCARD = re.compile(r"[*?\[]")


def covered(inventory: Inventory, job: Job) -> tuple[DatasetState, ...]:
    """All datasets that the job is about, in the order of their names, whatever matches nothing."""
    states = inventory.datasets.values()
    return tuple(sorted((s for s in states if not _left_out(job, s) and _wanted(job, s)), key=lambda s: s.dataset.name))


def unmatched(inventory: Inventory, job: Job) -> tuple[str, ...]:
    """The names and patterns of the job that match nothing."""
    names = [name for name, state in inventory.datasets.items() if not _left_out(job, state)]
    return tuple(p for p in job.datasets if not any(covers((p,), name, recursive=job.recursive) for name in names))


def vanished(inventory: Inventory, job: Job, known: Mapping[str, str]) -> tuple[Conflict, ...]:
    """What matches nothing any more, one conflict each. `known`: the replicas of what was backed up, by their datasets.

    A slip of the pen never matched anything: of such nothing is known.
    """
    gone = ((pattern, _matches(pattern, job, known)) for pattern in unmatched(inventory, job))
    return tuple(_vanished(pattern, job, [known[name] for name in names]) for pattern, names in gone if names)


def choose(
    inventory: Inventory, job: Job, only: Collection[str] = (), known: Collection[str] = ()
) -> tuple[DatasetState, ...]:
    """The job's datasets in the order of their names, encrypted or not; `only` narrows them to these names.

    A pattern's `*`, `?` and `[…]` never cross a slash. With `recursive`, all that is below a match belongs to it; an
    exclusion always takes what is below it too, and wins over all. A dataset's own choice (`planning.choice`) takes it
    out of any job, and into one that goes `by_property`; one whose choice is a mistake stays, to be refused by name.
    Raises SettingsError: "nothing-matched" naming each pattern without a match, "unknown-dataset" naming what of `only`
    the job does not cover. Where the job has others, a pattern may be about what is gone: `known` was backed up before.
    """
    chosen = [state.dataset.name for state in covered(inventory, job)]
    idle = unmatched(inventory, job)
    slips = [pattern for pattern in idle if not (chosen and _matches(pattern, job, known))]
    if slips:
        raise _nothing_matched(inventory, job, slips)
    if not chosen:
        raise _nobody_asked(inventory, job)
    unknown = sorted(set(only).difference(chosen))
    if unknown:
        raise _unknown(job, unknown, chosen)
    return tuple(inventory.datasets[name] for name in chosen if not only or name in only)


def idle_exclusions(job: Job, inventory: Inventory) -> tuple[Notice, ...]:
    """A notice for each exclusion that takes nothing out: with a slip of the pen in it, what it means is sent.

    It may also be right, and about what is not there yet; so it stops no run.
    """
    names = list(inventory.datasets)
    return tuple(
        Notice(
            code="exclusion-matches-nothing",
            subject=pattern,
            message=f"the exclusion of job {job.name} takes nothing out: no dataset is called so where the job looks",
            remedy=f"see what there is: zfs list -o name; then correct `exclude` of [job.{job.name}], or leave it out",
            alert=True,
        )
        for pattern in job.exclude
        if not any(covers((pattern,), name, recursive=False) for name in names)
    )


def _left_out(job: Job, state: DatasetState) -> bool:
    return _excluded(job, state.dataset.name) or opted_out(job, state.dataset)


def _excluded(job: Job, dataset: str) -> bool:
    return covers((*job.exclude, *job.self_made), dataset, recursive=True)


def _wanted(job: Job, state: DatasetState) -> bool:
    if job.by_property and (opted_in(job, state.dataset) or mistaken(job, state.dataset)):
        return True
    return covers(job.datasets, state.dataset.name, recursive=job.recursive)


def roots_of(patterns: Sequence[str]) -> tuple[str, ...]:
    """The datasets under which a listing finds every match, none of them inside another; empty means all pools.

    >>> roots_of(["tank/home/*", "tank/home/ann/docs", "data"])
    ('data', 'tank/home')
    """
    starts = {"/".join(_literal(pattern)) for pattern in patterns}
    if "" in starts:
        return ()
    return tuple(sorted(start for start in starts if not any(start.startswith(f"{other}/") for other in starts)))


def named(job: Job) -> tuple[str, ...]:
    """The datasets that the job calls by their names: it has them, whether or not the source can be asked."""
    return tuple(each for each in job.datasets if not _WILDCARD.search(each) and may_cover(job, each))


def may_cover(job: Job, dataset: str) -> bool:
    """False where the settings alone, without the source, say that the job is not about `dataset`."""
    if _excluded(job, dataset):
        return False
    return job.by_property or covers(job.datasets, dataset, recursive=job.recursive)


def check_distinct(replicas: Mapping[str, str]) -> None:
    """Require that no two datasets go to one replica; `replicas` gives each dataset's.

    `tank/a:b` and `tank/a/b` would. Raises SettingsError "replica-name-clash".
    """
    owners: dict[str, str] = {}
    for dataset, replica in sorted(replicas.items()):
        other = owners.setdefault(replica, dataset)
        if other != dataset:
            raise SettingsError(
                "choose",
                f"the datasets {other} and {dataset}",
                f"both would be kept as {replica}",
                f'exclude one of them, or give it another name on the box: replicas = {{ "{dataset}" = "NEW-NAME" }}',
                code="replica-name-clash",
            )


def _literal(pattern: str) -> Iterator[str]:
    """The components before the first one with a wildcard."""
    for component in pattern.split("/"):
        if _WILDCARD.search(component):
            return
        yield component


def _matches(pattern: str, job: Job, names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if covers((pattern,), name, recursive=job.recursive))


def _vanished(pattern: str, job: Job, replicas: Sequence[str]) -> Conflict:
    more = f" and {len(replicas) - 1} more" if len(replicas) > 1 else ""
    return Conflict(
        source=pattern,
        replica=replicas[0],
        code="vanished",
        reason=f"nothing matches it any more: destroyed, renamed, or its pool is not imported; the box keeps what it "
        f"has of it as {replicas[0]}{more}",
        remedy=f"if it is meant to be gone, take it out of `datasets` of [job.{job.name}]; else see what there is: "
        "zfs list -o name",
    )


def _nothing_matched(inventory: Inventory, job: Job, unmatched: Sequence[str]) -> SettingsError:
    return SettingsError(
        "choose",
        f"the datasets of job {job.name}",
        f"{inventory.host} has nothing for {', '.join(unmatched)}, or it is all excluded",
        f"see what there is: zfs list -o name,{CHOICE}; then correct `datasets`, `exclude` or the property",
        code="nothing-matched",
    )


def _nobody_asked(inventory: Inventory, job: Job) -> SettingsError:
    return SettingsError(
        "choose",
        f"the datasets of job {job.name}",
        f"on {inventory.host}, no dataset asks for it by its property {CHOICE}, or all are excluded",
        f"let one ask: zfs set {CHOICE}={job.name} DATASET; see who does: zfs get -t filesystem,volume {CHOICE}",
        code="nothing-matched",
    )


def _unknown(job: Job, unknown: Sequence[str], chosen: Sequence[str]) -> SettingsError:
    return SettingsError(
        "choose",
        ", ".join(unknown),
        f"job {job.name} does not cover it",
        f"name one of: {', '.join(chosen[:20])}{' …' if len(chosen) > 20 else ''}",
        code="unknown-dataset",
    )
