"""All checks, in the order in which a person reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from zoffsite.doctor import boot, door, machine, pools, replicas, rights, wall, way
from zoffsite.doctor.case import SHOWN, SOURCE, Case, Unseen, finding
from zoffsite.model.checkup import Finding, Level, Word
from zoffsite.model.errors import OperationError
from zoffsite.zfs.excerpt import plain

UNREADABLE = (
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    OperationError,
)
"""What reading an answer may raise that is none of what the program prints."""

Check = Callable[[Case], Iterable[Finding | Unseen]]

OF_THE_WAY: dict[str, Check] = {
    "does the box answer": way.reachable,
    "the tunnel": way.tunnel,
    "the forced command": door.forced_command,
    "other ways to its SSH": way.elsewhere,
    "the source's network": wall.lan,
}
OF_THE_BOX: dict[str, Check] = {
    "where sshd listens": door.listening,
    "sshd's settings": door.ssh_settings,
    "the login key": door.login_key,
    "the delegation": rights.delegation,
    "the root's properties": rights.properties,
    "the floor": rights.floor,
    "the keeper": rights.keeper,
    "the replicas": replicas.replicas,
    "the box's snapshots": replicas.foreign_snapshots,
    "the box's clock": machine.clock,
    "the box's pool": lambda case: pools.pools(case.box, case.facts.now),
    "the box's disks": lambda case: pools.disks(case.box),
    "the box's firmware": boot.firmware,
    "the box's kernels": lambda case: boot.kernels(case.box),
}
OF_BOTH: dict[str, Check] = {
    "the firewalls": wall.firewalls,
    "the units": wall.started,
    "the releases of OpenZFS": machine.releases,
    "the keys": machine.keys,
}
OF_THE_SOURCE: dict[str, Check] = {
    "the source's pools": lambda case: pools.pools(case.source, case.facts.now),
    "the source's disks": lambda case: pools.disks(case.source),
    "the source's kernels": lambda case: boot.kernels(case.source),
}
"""By what they are about."""


def examine(case: Case, accepted: Sequence[str] = ()) -> tuple[Finding, ...]:
    """Every finding. `accepted`: a check's name, or it and a subject, that the settings let be as it is."""
    asked = case.facts.box is not None
    checks = OF_THE_WAY | (OF_THE_BOX if asked else {}) | OF_BOTH | OF_THE_SOURCE
    found = [each for about, check in checks.items() for each in _made(about, check, case)]
    seen = [each for each in found if isinstance(each, Finding)]
    seen += _unseen([each for each in found if isinstance(each, Unseen) and (asked or each.side == SOURCE)])
    return tuple(
        replace(each, accepted=each.check in accepted or f"{each.check} {each.subject}" in accepted) for each in seen
    )


def _made(about: str, check: Check, case: Case) -> Iterator[Finding | Unseen]:
    """The findings of one check; an answer that cannot be read is one, and costs no other."""
    try:
        yield from list(check(case))
    except UNREADABLE as error:
        what = error.problem if isinstance(error, OperationError) else str(error)
        remedy = "ask by hand what it says: docs/how-to/ask-the-doctor.md has the commands"
        words = f"an answer cannot be read: {plain(what, SHOWN)}"
        yield finding("unreadable", about, Level.WARNING, words, remedy, Word.BOX)


def _unseen(blind: Sequence[Unseen]) -> Iterator[Finding]:
    for side in dict.fromkeys(each.side for each in blind):
        what = "; ".join(f"{each.check} ({each.why})" for each in blind if each.side == side)
        remedy = "run it as root on the source; a box shows more of itself when the kit set it up"
        yield finding("unseen", side, Level.WARNING, f"not looked at: {what}", remedy, Word.OWN)
