"""Take snapshots at one instant, without those that cannot be taken: one dataset must not stop the others."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from zoffsite.hosts.endpoint import Source
from zoffsite.model.errors import OperationError, ZoffsiteError
from zoffsite.model.notice import Notice
from zoffsite.zfs.argv import snapshots_at_once
from zoffsite.zfs.permissions import permissions_for

log = logging.getLogger(__name__)


@dataclass
class Taken:
    """The full names of what was taken; why not, by dataset, what was not; and what else to know."""

    names: list[str] = field(default_factory=list)
    failed: dict[str, ZoffsiteError] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)


def take_together(full_names: Sequence[str], source: Source) -> Taken:
    """Take these snapshots, those of a pool next to each other, in one command per pool.

    What stands in the way is left out, and the rest of its pool is still of one instant. Raises what may help to try
    again, and what says nothing of a dataset: no way to the source.
    """
    taken = Taken()
    for pool, names in itertools.groupby(full_names, key=_pool):
        parts = tuple(snapshots_at_once(names))
        for part in parts:
            _take_part(pool, part, source, taken)
        if len(parts) > 1:
            taken.notices.append(_several_instants(pool, len(parts), source))
    return taken


def _take_part(pool: str, names: Sequence[str], source: Source, taken: Taken) -> None:
    """Each time round at least one is left out, or it ends."""
    left = list(names)
    while left:
        log.info("snapshot of %d datasets on %s: %s", len(left), pool, left[0].partition("@")[2])
        try:
            refused = source.snapshot(left)
        except OperationError as error:
            if error.transient:
                raise
            refused = dict(_found(left, error, source)) or dict.fromkeys(left, error)
        if not refused:
            taken.names.extend(left)
            return
        for name, why in refused.items():
            log.error("%s; %s", why, why.remedy)
            taken.failed[_dataset(name)] = why
        left = [name for name in left if name not in refused]


def _found(names: Sequence[str], error: ZoffsiteError, source: Source) -> Iterator[tuple[str, ZoffsiteError]]:
    """What zfs does not name: it stops at the first dataset that is gone, and says of no permission whose it is."""
    datasets = {_dataset(name): name for name in names}
    if error.code == "dataset-missing":
        there = source.datasets(list(datasets))
        yield from ((name, vanished(dataset)) for dataset, name in datasets.items() if dataset not in there)
    elif error.code == "not-permitted":
        for lack in source.permissions(list(datasets)):
            if not set(permissions_for("snapshot")).isdisjoint(lack.permissions):
                remedy = f"on {lack.host}, as root: {lack.remedy}"
                yield (
                    datasets[lack.dataset],
                    OperationError("snapshot", lack.dataset, error.problem, remedy, code=error.code),
                )


def vanished(dataset: str) -> OperationError:
    """It was there when the source was listed."""
    return OperationError(
        "snapshot",
        dataset,
        "it has been destroyed or renamed since it was listed",
        "nothing, if that was meant; else see what there is: zfs list",
        code="dataset-missing",
    )


def left_out(full_names: Sequence[str], there: Collection[str]) -> dict[str, ZoffsiteError]:
    """What was taken, but is gone with its dataset before anybody could look at it."""
    return {name: vanished(name) for name in map(_dataset, full_names) if name not in there}


def _several_instants(pool: str, count: int, source: Source) -> Notice:
    return Notice(
        code="several-instants",
        subject=pool,
        message=f"its snapshots were taken by {count} commands, one after the other: the names are too many for one "
        f"command line on {source.label}",
        remedy="what must be of one instant belongs into one job of its own, or below fewer datasets",
    )


def _dataset(full_name: str) -> str:
    return full_name.partition("@")[0]


def _pool(full_name: str) -> str:
    return _dataset(full_name).partition("/")[0]
