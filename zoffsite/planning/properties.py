"""Which properties come back with a dataset, which are for the live one only, and which it has from above anyway."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from zoffsite.model.memory import NOTHING, Remembered
from zoffsite.model.notice import Notice
from zoffsite.model.property import DESCRIBING, Property
from zoffsite.model.restore import Restoration, Wanted

Known = Mapping[str, tuple[Property, ...]]
"""What is not the default of each dataset of one restore that comes back, by the names on the source."""

_SHOWN = 20
"""Names that a notice lists."""
_AS_RECEIVED = Property(name="keylocation", value="prompt")


def due_again(read: datetime | None, now: datetime) -> bool:
    """Whether the user properties of others are to be read anew: for a hundred datasets that takes ten seconds."""
    return read is None or not timedelta() <= now - read < timedelta(days=1)


def properties_of(parts: Iterable[Restoration], known: Mapping[str, Remembered]) -> Known:
    """What the ledger has of the datasets that come back; `known` is by replica."""
    found = {part.dataset: known.get(part.replica, NOTHING).properties for part in parts if part.snapshot is not None}
    return {dataset: properties for dataset, properties in found.items() if properties is not None}


def never_described(wanted: Wanted, parts: Iterable[Restoration], known: Known) -> tuple[Notice, ...]:
    """Which datasets come back without the properties that they had."""
    missing = [part.dataset for part in parts if part.snapshot is not None and part.dataset not in known]
    if not missing:
        return ()
    return (
        Notice(
            code="properties-unknown",
            subject=wanted.dataset,
            message=f"the ledger does not know the properties of {', '.join(missing[:_SHOWN])}"
            f"{' …' if len(missing) > _SHOWN else ''}: what is not inherited is the default",
            remedy="set by hand what they had: zfs set recordsize=… DATASET",
        ),
    )


def with_properties(wanted: Wanted, part: Restoration, known: Known) -> Restoration:
    """`part` with what is to be set on it, now and once it is the live one."""
    own = tuple(each for each in known.get(part.dataset, ()) if not _comes_anyway(part.dataset, each, known))
    return replace(
        part,
        properties=tuple(each for each in own if each.name in DESCRIBING),
        properties_later=tuple(each for each in own if each.name not in DESCRIBING),
        place_to_look=place_of(part) if part.dataset != wanted.dataset and _has_a_place(own) else None,
    )


def _has_a_place(own: Iterable[Property]) -> bool:
    return any(each.name == "mountpoint" for each in own)


def place_of(part: Restoration) -> str:
    """Where to look at it. Flat: what is above it is mounted read-only."""
    return f"/mnt/{part.target.replace('/', ':')}"


def _comes_anyway(dataset: str, found: Property, known: Known) -> bool:
    """It is what a received dataset has; or it is inherited, and what is above comes back with it."""
    if not found.origin:
        return found == _AS_RECEIVED
    if found.origin in known:
        return True
    above = _above(dataset, known)
    return above is not None and any(each.name == found.name and each.origin == found.origin for each in known[above])


def _above(dataset: str, known: Known) -> str | None:
    """The nearest one above that comes back, too."""
    while "/" in dataset:
        dataset = dataset.rpartition("/")[0]
        if dataset in known:
            return dataset
    return None
