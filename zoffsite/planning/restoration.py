"""What to bring back, where to, from where an interrupted restore goes on, and which keys it will need.

Pure: the box's listing, what is on the receiving machine and what the ledger remembers are arguments. A restore always
makes new datasets. What is there already is what an earlier restore brought, by GUID, or it is in the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from shlex import quote

from zoffsite.model.dataset import Kind
from zoffsite.model.errors import OperationError, SafetyError, SettingsError
from zoffsite.model.inventory import DatasetState, Inventory, TokenContents
from zoffsite.model.job import Disk, Job
from zoffsite.model.memory import NOTHING, Memory, Remembered
from zoffsite.model.notice import Notice
from zoffsite.model.restore import LATEST, Landing, Restoration, RestoreAction, RestorePlan, Wanted
from zoffsite.model.version import Snapshot
from zoffsite.planning.places import not_encrypted
from zoffsite.planning.properties import never_described, properties_of, with_properties

_SHOWN = 20
"""Names that an error lists."""

TIMES_LONGER = 4
MARGIN = 256 << 20
"""A stream has headers of 312 bytes for every block and file: one of tiny files is some times as long as their data."""
ROOM_MARGIN = 16 << 20
"""The shortest stream has its headers, too."""


def plan_restore(
    job: Job,
    wanted: Wanted,
    box: Inventory,
    replicas: Mapping[str, Sequence[str]],
    landing: Landing,
    memory: Memory | None,
    ever_sent: Set[int] = frozenset(),
) -> RestorePlan:
    """Plan a restore from the facts of both ends; nothing is read, nothing is done.

    `replicas` are those of each dataset, as it is called on the source, the one in use first. `ever_sent` are the GUIDs
    of all that ever went to the box, also what it need not have any more.
    Raises SettingsError "nothing-matched" where the box has no such replica, OperationError "no-room" where what it
    says would not fit.
    """
    known = memory.replicas if memory else {}
    chosen = _chosen(job, wanted, replicas)
    parts = tuple(
        _plan_one(wanted, box.datasets[names[0]], dataset, landing, known.get(names[0], NOTHING))
        for dataset, names in chosen.items()
    )
    described = properties_of(parts, known)
    parts = tuple(with_properties(wanted, part, described) for part in parts)
    others = [(dataset, box.datasets[other]) for dataset, names in chosen.items() for other in names[1:]]
    places = _containers(wanted, parts, landing)
    plan = RestorePlan(
        job=job.name,
        wanted=wanted,
        containers=places,
        datasets=parts,
        notices=(
            *(_another_of(*each) for each in others),
            *_never_sent(parts, known, ever_sent),
            *never_described(wanted, parts, described),
            *not_encrypted(wanted, places, parts, landing),
        ),
    )
    if plan.estimated_bytes > landing.room:
        raise _no_room(wanted, plan.estimated_bytes, landing.room)
    return plan


def bounded(plan: RestorePlan, room: int, known: Mapping[int, int]) -> RestorePlan:
    """`plan`, with streams no longer than the receiving machine has `room` for, or the ledger knows them to be.

    `known` is by the snapshots' GUIDs. What is free beyond the whole plan is shared by what comes: together they cannot
    fill the pool. Headers take no room there, so half as much again is allowed in any case.
    """
    coming = [part for part in plan.datasets if part.estimated_bytes]
    spare = max(room - plan.estimated_bytes, 0) // max(len(coming), 1)

    def bound(part: Restoration) -> Restoration:
        if part.snapshot is None:
            return part
        size = part.estimated_bytes
        longest = min(part.longest, size + max(spare, size // 2, ROOM_MARGIN))
        if part.snapshot.guid in known:
            longest = min(longest, TIMES_LONGER * known[part.snapshot.guid] + MARGIN)
        return replace(part, longest=longest)

    return replace(plan, datasets=tuple(map(bound, plan.datasets)))


def target_of(wanted: Wanted, dataset: str) -> str:
    """What a dataset of the restored tree is called here."""
    return wanted.to + dataset.removeprefix(wanted.dataset)


def check_not_the_box(
    job: Job,
    receiver: Mapping[str, DatasetState],
    box: Inventory,
    granted: Set[str] | None,
    host_keys: Set[str],
) -> None:
    """Raise SafetyError "this-is-the-box" where the receiving machine is the box itself.

    `receiver` is what the receiving machine has at the job's root. `granted` are the roots that it grants as a box of
    the kit, None where it is none, empty where nobody can tell: it may well be the box of somebody else, with a root of
    the same name even. `host_keys` are its own, for a disk that was carried: that brings its GUIDs wherever it is.
    """
    here, there = receiver.get(job.root), box.datasets.get(job.root)
    origin = job.box.carried if isinstance(job.box, Disk) else None
    if here is not None and there is not None:
        is_box = here.dataset.guid == there.dataset.guid
    elif origin is not None and host_keys:
        is_box = origin.host_key in host_keys
    else:
        root = origin.root if origin else job.root
        is_box = granted is not None and (not granted or root in granted)
    if is_box:
        raise SafetyError(
            "restore from",
            job.box.label,
            "the machine that would receive is the box itself, and data is never opened there",
            "run it on a trusted machine, with `source` of the job naming one, or left out for this machine; if this "
            "is the box of somebody else only, whose root there has the same name, restore on another one",
            code="this-is-the-box",
        )


def _chosen(job: Job, wanted: Wanted, replicas: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """The datasets that come back, parents before children, each with its replicas."""
    below = f"{wanted.dataset}/"
    names = [
        name for name in sorted(replicas) if name == wanted.dataset or (not wanted.alone and name.startswith(below))
    ]
    if not names:
        what = ", ".join(sorted(replicas)[:_SHOWN]) or "nothing"
        raise SettingsError(
            "restore",
            wanted.dataset,
            f"{job.box.place} has no replica of it{'' if wanted.alone else ', nor of anything below it'}",
            f"it has replicas of: {what}{' …' if len(replicas) > _SHOWN else ''}",
            code="nothing-matched",
        )
    return {name: replicas[name] for name in names}


def _plan_one(
    wanted: Wanted, replica: DatasetState, dataset: str, landing: Landing, remembered: Remembered
) -> Restoration:
    target = target_of(wanted, dataset)
    here, token = landing.there.get(target), landing.tokens.get(target)
    case = _Case(dataset, replica, target)
    if not replica.dataset.encrypted:
        reason = "its replica is not encrypted, so it is none of ours: somebody there made it"
        return case.refused("not-encrypted", reason, "leave it out, and look at the box: it is not what it was")
    snapshot = _snapshot(wanted, replica, token)
    if snapshot is None:
        return case.refused("snapshot-missing", _no_such(wanted, replica), "choose another one: --snapshot NAME")
    if here is not None and here.dataset.resume_token is None and here.newest is None:
        return case.refused("target-exists", f"{target} exists, and no restore made it", _elsewhere(wanted))
    if here is not None and here.dataset.resume_token is None and here.snapshots[-1].guid != snapshot.guid:
        reason = f"{target} exists, and its newest snapshot is not @{snapshot.name}"
        return case.refused("target-exists", reason, _elsewhere(wanted))
    if here is not None and here.dataset.resume_token is not None and not _fits(token, snapshot):
        reason = f"a receive into {target} was interrupted that was of something else than @{snapshot.name}"
        remedy = f"give it up: zfs receive -A {quote(target)}; or choose its snapshot"
        return case.refused("interrupted-other", reason, remedy)
    action = _action(here)
    received = token.received_bytes if token and action is RestoreAction.RESUME else 0
    size = 0 if action is RestoreAction.THERE else max(snapshot.referenced - received, 0)
    return Restoration(
        dataset=dataset,
        replica=replica.dataset.name,
        target=target,
        action=action,
        kind=replica.dataset.kind,
        snapshot=snapshot,
        key_of=remembered.encryptionroot or dataset,
        estimated_bytes=size,
        longest=TIMES_LONGER * snapshot.referenced + MARGIN,
        token=here.dataset.resume_token if here and action is RestoreAction.RESUME else None,
        reason=_REASONS[action],
    )


@dataclass(frozen=True, slots=True)
class _Case:
    dataset: str
    replica: DatasetState
    target: str

    def refused(self, code: str, reason: str, remedy: str) -> Restoration:
        return Restoration(
            dataset=self.dataset,
            replica=self.replica.dataset.name,
            target=self.target,
            action=RestoreAction.REFUSED,
            kind=self.replica.dataset.kind,
            reason=reason,
            code=code,
            remedy=remedy,
        )


_REASONS = {
    RestoreAction.RECEIVE: "it is not here yet",
    RestoreAction.RESUME: "an earlier restore was interrupted",
    RestoreAction.THERE: "an earlier restore brought it",
}


def _action(here: DatasetState | None) -> RestoreAction:
    if here is None:
        return RestoreAction.RECEIVE
    return RestoreAction.THERE if here.dataset.resume_token is None else RestoreAction.RESUME


def _snapshot(wanted: Wanted, replica: DatasetState, token: TokenContents | None) -> Snapshot | None:
    """The one that was asked for. A name comes before a time; what was begun is finished, though there is a newer."""
    if wanted.snapshot == LATEST:
        begun = (s for s in replica.snapshots if token is not None and s.guid == token.toguid)
        return next(begun, replica.newest)
    named = next((s for s in replica.snapshots if s.name == wanted.snapshot), None)
    if named is not None or wanted.before is None:
        return named
    latest = int(wanted.before.timestamp())
    return max((s for s in replica.snapshots if s.creation <= latest), key=lambda s: s.creation, default=None)


def _no_such(wanted: Wanted, replica: DatasetState) -> str:
    if not replica.snapshots:
        return "its replica has no snapshot"
    first, last = replica.snapshots[0], replica.snapshots[-1]
    what = f"taken by {_time(wanted.before)}" if wanted.before else f"called {wanted.snapshot}"
    return f"its replica has no snapshot {what}; it has {len(replica.snapshots)}, from @{first.name} to @{last.name}"


def _fits(token: TokenContents | None, snapshot: Snapshot) -> bool:
    return token is not None and token.raw and (token.toguid, token.fromguid) == (snapshot.guid, 0)


def _containers(wanted: Wanted, parts: Iterable[Restoration], landing: Landing) -> tuple[str, ...]:
    """What lies between `to` and the targets and is none itself: the source has it, too, but did not back it up."""
    targets = {each.target for each in parts}
    needed: set[str] = set()
    for target in targets:
        above = target.rpartition("/")[0]
        while above == wanted.to or above.startswith(f"{wanted.to}/"):
            needed.add(above)
            above = above.rpartition("/")[0]
    for name in sorted(needed - targets):
        here = landing.there.get(name)
        if here is not None and (here.dataset.mounted or here.snapshots or here.dataset.kind is not Kind.FILESYSTEM):
            raise SettingsError(
                "restore to", wanted.to, f"{name} exists, and is in use", _elsewhere(wanted), code="target-exists"
            )
    return tuple(sorted(needed - targets - landing.there.keys()))


def _never_sent(parts: Iterable[Restoration], known: Mapping[str, Remembered], ever: Set[int]) -> tuple[Notice, ...]:
    """What the ledger did not see go to the box, though it saw others: also where it saw none of that replica."""
    if not known and not ever:
        return ()  # there is no ledger, or a new one
    found = []
    for part in parts:
        sent = known.get(part.replica, NOTHING).on_box.guids
        if part.snapshot is None or part.snapshot.guid in ever or part.snapshot.guid in sent:
            continue
        message = f"the ledger does not know that @{part.snapshot.name} was ever sent to the box"
        if part.replica not in known:
            message += f", nor anything else to {part.replica}"
        found.append(
            Notice(
                code="never-sent",
                subject=part.dataset,
                message=message,
                remedy="restore it to a machine that has nothing else to lose, and compare what is in it",
                alert=True,
            )
        )
    return tuple(found)


def _another_of(dataset: str, other: DatasetState) -> Notice:
    name = other.dataset.name
    return Notice(
        code="another-replica",
        subject=dataset,
        message=f"there is another replica of this name, {name} (newest: "
        f"{other.newest.name if other.newest else 'nothing'}); it is left alone",
        remedy=f'to have that one: replicas = {{ "{dataset}" = "{name.rpartition("/")[2]}" }} in the job\'s settings',
    )


def _no_room(wanted: Wanted, needed: int, room: int) -> OperationError:
    return OperationError(
        "restore to",
        wanted.to,
        f"about {needed} bytes would come back by the box's word, and {room} are free there",
        f"make room, or restore to another pool: zfs list -o space {quote(wanted.to.partition('/')[0])}",
        code="no-room",
    )


def _elsewhere(wanted: Wanted) -> str:
    return f"restore to a name that is free: --to {quote(wanted.to + '-2')}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
