"""What is in the box's root, by its own listing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from shlex import quote

from zoffsite.doctor.case import Case, Unseen
from zoffsite.model.checkup import Finding
from zoffsite.model.dataset import KeyStatus
from zoffsite.model.inventory import DatasetState

NAMED = 5
"""More names would not be read."""


def replicas(case: Case) -> Iterator[Finding | Unseen]:
    """No key, no mount, no writing, no plaintext: each over all datasets below the root."""
    inventory, error = case.facts.inventory, case.facts.inventory_error
    if error is not None:
        yield case.box.critical("root", error.message, error.remedy, case.job.root)
    if inventory is None:
        return
    root = case.job.root
    all_ = list(inventory.datasets.values())
    below = [each for each in all_ if each.dataset.name != root]
    count = f"all {len(below)} replicas" if len(below) != 1 else "the replica"
    rows: tuple[tuple[str, Sequence[DatasetState], Callable[[DatasetState], bool], str, str, str], ...] = (
        ("encrypted", below, lambda s: not s.dataset.encrypted, f"{count} are encrypted", "not encrypted",
         "find out who sent it; on the box, as root: zfs destroy -r {0}"),
        ("locked", all_, lambda s: s.dataset.keystatus is KeyStatus.AVAILABLE, "no key is loaded", "a key is loaded",
         "on the box, as root: zfs unload-key {0}; whoever loaded it has it: docs/how-to/change-the-key.md"),
        ("unmounted", all_, lambda s: s.dataset.mounted, "nothing is mounted", "mounted",
         "on the box, as root: zfs unmount {0}; then find out who mounted it"),
        ("read-only", all_, lambda s: not s.dataset.readonly, "all is read-only", "not read-only",
         "on the box, as root: zfs inherit readonly {0}"),
    )  # fmt: skip
    for check, states, wrong, good, bad, remedy in rows:
        names = [each.dataset.name for each in states if wrong(each)]
        if names:
            yield case.box.critical(check, f"{bad}: {_some(names)}", remedy.format(quote(names[0])), case.job.root)
        else:
            yield case.box.good(check, good, case.job.root)


def foreign_snapshots(case: Case) -> Iterator[Finding | Unseen]:
    """Snapshots that neither the source nor the ledger knows."""
    inventory, known = case.facts.inventory, case.facts.known
    if inventory is None:
        return
    if known is None:
        yield case.box.blind("foreign-snapshots", "the ledger cannot be read")
        return
    foreign = [
        (snapshot.full_name, snapshot is state.newest)
        for state in inventory.datasets.values()
        for snapshot in state.snapshots
        if snapshot.guid not in known
    ]
    if not foreign:
        yield case.box.good("foreign-snapshots", "every snapshot there was sent by this job", case.job.root)
        return
    blocks = [name for name, newest in foreign if newest]
    judge = case.box.critical if blocks else case.box.warning
    names = blocks or [name for name, _ in foreign]
    yield judge(
        "foreign-snapshots",
        f"neither the source nor the ledger knows of {_some(names)}"
        + ("; the next increment is refused" if blocks else ""),
        f"find out what makes snapshots there; on the box, as root: zfs destroy {quote(names[0])}",
        case.job.root,
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
