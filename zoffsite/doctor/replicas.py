"""What is in the box's root, by its own listing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from shlex import quote

from zoffsite.doctor.case import Case, Unseen
from zoffsite.model.checkup import Finding
from zoffsite.model.dataset import KeyStatus
from zoffsite.model.inventory import DatasetState

NAMED = 5
"""More names would not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What no dataset below the root may be; nor the root itself, unless `spared`. `{}` in the remedy is its name."""

    check: str
    wrong: Callable[[DatasetState], bool]
    good: str
    bad: str
    remedy: str
    spared: bool = False


RULES = (
    Rule(
        check="encrypted",
        wrong=lambda state: not state.dataset.encrypted,
        good="every replica is encrypted",
        bad="not encrypted",
        remedy="find out who sent it; on the box, as root: zfs destroy -r {}",
        spared=True,
    ),
    Rule(
        check="locked",
        wrong=lambda state: state.dataset.keystatus is KeyStatus.AVAILABLE,
        good="no key is loaded",
        bad="a key is loaded",
        remedy="on the box, as root: zfs unload-key {}; whoever loaded it has it: docs/how-to/change-the-key.md",
    ),
    Rule(
        check="unmounted",
        wrong=lambda state: state.dataset.mounted,
        good="nothing is mounted",
        bad="mounted",
        remedy="on the box, as root: zfs unmount {}; then find out who mounted it",
    ),
    Rule(
        check="read-only",
        wrong=lambda state: not state.dataset.readonly,
        good="all is read-only",
        bad="not read-only",
        remedy="on the box, as root: zfs inherit readonly {}",
    ),
)


def replicas(case: Case) -> Iterator[Finding | Unseen]:
    """No key, no mount, no writing, no plaintext."""
    inventory, error = case.facts.inventory, case.facts.inventory_error
    if error is not None:
        yield case.box.critical("root", error.message, error.remedy, case.job.root)
    if inventory is None:
        return
    for rule in RULES:
        wrong = [name for name, state in inventory.datasets.items() if rule.wrong(state)]
        if rule.spared and case.job.root in wrong:
            wrong.remove(case.job.root)
        if wrong:
            remedy = rule.remedy.format(quote(wrong[0]))
            yield case.box.critical(rule.check, f"{rule.bad}: {_some(wrong)}", remedy, case.job.root)
        else:
            yield case.box.good(rule.check, rule.good, case.job.root)


def foreign_snapshots(case: Case) -> Iterator[Finding | Unseen]:
    """Snapshots that neither the source nor the ledger knows."""
    inventory, known = case.facts.inventory, case.facts.known
    if inventory is None:
        return
    if known is None:
        yield case.box.blind("foreign-snapshots", "the ledger cannot be read")
        return
    foreign = [
        (snapshot.full_name, snapshot == state.newest)
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
