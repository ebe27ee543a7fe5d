"""What stands in the way of a send, each with its code, its reason in words and what a person can do about it."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

from zoffsite.model.dataset import Dataset, KeyStatus
from zoffsite.model.inventory import DatasetState, UnreadToken
from zoffsite.model.job import Job
from zoffsite.model.plan import Conflict, Refused
from zoffsite.model.version import Snapshot
from zoffsite.planning.common_base import Base, Diverged

_SHOWN = 3


def obstacle(source: DatasetState, replica: DatasetState | None, name: str) -> Refused | Conflict | None:
    """What the two datasets themselves, without their versions, forbid. `name` is the replica's."""
    origin = source.dataset.name
    if not source.dataset.encrypted:
        return Refused(
            source=origin,
            replica=name,
            code="not-encrypted",
            reason="the source dataset is not encrypted: its content would leave in the clear",
            remedy=f'copy it into an encrypted dataset, or leave it out: exclude = ["{origin}"], or not in datasets',
        )
    return None if replica is None else _on_box(origin, replica)


def _on_box(origin: str, replica: DatasetState) -> Refused | Conflict | None:
    dataset, name = replica.dataset, replica.dataset.name
    unfinished = dataset.resume_token is not None and not replica.snapshots
    if not replica.snapshots and not unfinished:
        return Conflict(
            source=origin,
            replica=name,
            code="replica-empty",
            reason="a dataset without snapshots, which no run of this job left behind, occupies the replica's name",
            remedy=f"on the box, look, and move it away: {_set_aside(name)}",
        )
    if dataset.mounted:  # first, because a key cannot be unloaded while it is in use
        return Refused(
            source=origin,
            replica=name,
            code="replica-mounted",
            reason="the replica is mounted on the box: whoever is there can read it",
            remedy=f"on the box: {unmount(dataset)}; then find out who mounted it, and change the key",
        )
    if dataset.keystatus is KeyStatus.AVAILABLE:
        return Refused(
            source=origin,
            replica=name,
            code="key-loaded",
            reason="its key is loaded on the box: whoever is there can read it",
            remedy=f"on the box: {unload(dataset)}; then find out who loaded it, and change the key",
        )
    if not dataset.encrypted and not unfinished:  # the first bytes of a receive bring the encryption
        return Refused(
            source=origin,
            replica=name,
            code="replica-not-encrypted",
            reason="the replica is not encrypted, so it was never received by a raw send",
            remedy=f"on the box, move it away: {_set_aside(name)}",
        )
    if not dataset.readonly:
        return Refused(
            source=origin,
            replica=name,
            code="replica-writable",
            reason="the replica is not read-only on the box: a write there would end all incremental sends",
            remedy=f"on the box: zfs set readonly=on {quote(name.rpartition('/')[0])} && "
            f"zfs inherit readonly {quote(name)}",
        )
    return None


def bad_name(job: Job, source: DatasetState, name: str) -> Refused:
    """ZFS allows no such name on the box, most often because it is too long: its path is part of it."""
    origin = source.dataset.name
    return Refused(
        source=origin,
        replica=name,
        code="bad-name",
        reason=f"on the box it would be called {name}, which ZFS does not allow: {len(name)} characters, 255 at most",
        remedy=f'give it a shorter name there: {in_replicas(job, source, "NEW-NAME")}; or exclude = ["{origin}"]',
    )


def diverged(job: Job, source: DatasetState, name: str, found: Diverged) -> Conflict:
    """The source does not know the box's newest snapshot."""
    shown = shown_names([snapshot.name for snapshot in found.unknown])
    remedy = f"keep it, and let the next run send anew under another name: {_other_name(job, source, name)}; "
    remedy += f"or free the name, on the box: {_set_aside(name)}"
    if found.last_there is None:
        reason = (
            "the two have no snapshot in common, as when the source dataset was destroyed and created anew under its "
            f"old name; the box has {shown}"
        )
    else:
        if all(snapshot.written == 0 for snapshot in found.unknown):  # made on the box, not received
            remedy = f"nothing was written in between, so on the box: {_destroy(found.unknown)}"
        reason = f"the box has {shown}, unknown to the source, after @{found.last_there.name}, the last both sides have"
    return Conflict(
        source=source.dataset.name,
        replica=name,
        code="diverged",
        reason=reason,
        remedy=remedy,
    )


def open_root(source: DatasetState, name: str, root: Dataset) -> Refused | None:
    """What lies open above all replicas: whoever is there can put others in their place, or read what is new."""
    if root.mounted:
        code, what = "root-mounted", "is mounted on the box: whoever is there can write into it"
        remedy = f"on the box: {unmount(root)} && zfs set canmount=off {quote(root.name)}; then find out who mounted it"
    elif root.keystatus is KeyStatus.AVAILABLE:
        code, what = "root-key-loaded", "has its key loaded on the box: what is made in it can be read there"
        remedy = f"on the box: {unload(root)}; then find out who loaded it"
    else:
        return None
    reason = f"{root.name}, the root of all replicas, {what}"
    return Refused(source=source.dataset.name, replica=name, code=code, reason=reason, remedy=remedy)


def renamed(job: Job, source: DatasetState, name: str, stray: DatasetState, *, occupied: bool) -> Conflict:
    """The box has the dataset under another name: `stray`. `occupied`: its own name is another dataset's there."""
    newest = stray.newest
    there = "the beginning of it" if newest is None else "it"
    upto = "" if newest is None else f", up to @{newest.name}"
    free = f"{_set_aside(name)} && " if occupied else ""
    old = stray.dataset.name
    below = old.removeprefix(f"{job.root}/")
    leave = "" if "/" in below else f"; or leave it there: {in_replicas(job, source, below)}"
    leave += f"; or give it up, on the box: zfs receive -A {quote(old)}" if newest is None else ""
    return Conflict(
        source=source.dataset.name,
        replica=name,
        code="renamed",
        reason=f"the box has {there} as {old}{upto}: it was renamed on the source, and would be sent again",
        remedy=f"on the box: {free}zfs rename {quote(old)} {quote(name)}{leave}",
    )


def renamed_and_diverged(job: Job, source: DatasetState, name: str, stray: DatasetState, found: Diverged) -> Conflict:
    """The same, where the source does not know the newest snapshot of `stray`: so its name alone helps nobody."""
    old = stray.dataset.name
    below = name.removeprefix(f"{job.root}/")
    remedy = f"keep it, and let the next run send anew under the new name: {in_replicas(job, source, below)}"
    if found.last_there is not None and all(snapshot.written == 0 for snapshot in found.unknown):
        again = f"{_destroy(found.unknown)} && zfs rename {quote(old)} {quote(name)}"
        remedy = f"nothing was written in between, so on the box: {again}; or {remedy}"
    shown = shown_names([snapshot.name for snapshot in found.unknown])
    after = "" if found.last_there is None else f" after @{found.last_there.name}, the last both sides have"
    return Conflict(
        source=source.dataset.name,
        replica=name,
        code="renamed-diverged",
        reason=f"the box has it as {old}: it was renamed on the source, and the two have diverged: there is {shown}, "
        f"unknown to the source,{after or ' and no snapshot in common'}",
        remedy=remedy,
    )


def in_replicas(job: Job, source: DatasetState, replica: str) -> str:
    """The setting that makes `replica` the name of the dataset on the box."""
    return f'replicas = {{ "{source.dataset.name}" = "{replica}" }} in [job.{job.name}]'


def written_to(source: DatasetState, replica: DatasetState, base: Base) -> Conflict:
    """ZFS takes no raw incremental on top of changes, and we never roll back."""
    name = replica.dataset.name
    return Conflict(
        source=source.dataset.name,
        replica=name,
        code="replica-written",
        reason=f"{replica.dataset.written} bytes were written to the replica since @{base.replica.name}",
        remedy=f"find out by whom; then, on the box: zfs rollback {quote(f'{name}@{base.replica.name}')}",
    )


def nothing_to_send(source: DatasetState, name: str) -> Conflict:
    """Neither side has anything that this job sends: said loudly, because such a dataset has no backup."""
    origin = source.dataset.name
    return Conflict(
        source=origin,
        replica=name,
        code="no-snapshot",
        reason="the source has no snapshot that this job sends, and the box has none at all",
        remedy=f"let the job take snapshots, or take one: zfs snapshot {quote(origin)}@first",
    )


def another_token(source: DatasetState, name: str) -> Refused:
    """The box changed its mind between two looks: look again."""
    return unplanned_token(source, name, "it is not the one that the source was asked about")


def unread_token(source: DatasetState, name: str, token: UnreadToken) -> Refused:
    """Nobody knows what it is for: it is forged so that no answer about it can be read, or the source cannot look."""
    if token.code in ("malformed-answer", "oversized-answer"):
        return unplanned_token(source, name, f"what the source says of it cannot be true ({token.problem})")
    return Refused(
        source=source.dataset.name,
        replica=name,
        code=token.code,
        reason=f"the source could not look what the interrupted receive is of: {token.problem}",
        remedy=f"mend that on the source; or give up what has arrived, on the box: zfs receive -A {quote(name)}",
    )


def unplanned_token(source: DatasetState, name: str, why: str) -> Refused:
    """`zfs send -t` sends what the token says, so one that nobody planned could make the source send anything."""
    return Refused(
        source=source.dataset.name,
        replica=name,
        code="unplanned-token",
        reason=f"the box asked for something that was not planned, by a resume token that is not of this job: {why}",
        remedy=f"distrust the box until this is explained; to go on, on the box: zfs receive -A {quote(name)}",
    )


def shown_names(names: Sequence[str]) -> str:
    """The newest few of the snapshots with these names, given oldest first, and how many more there are."""
    shown = ", ".join(f"@{name}" for name in names[-_SHOWN:])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} older ones"


def unmount(dataset: Dataset) -> str:
    """The commands after which nothing of it can be read."""
    unmount = f"zfs unmount {quote(dataset.name)}"
    loaded = dataset.keystatus is KeyStatus.AVAILABLE
    return f"{unmount} && {unload(dataset)}" if loaded else unmount


def unload(dataset: Dataset) -> str:
    """A clone's key is that of its origin's replica: ZFS unloads it only there."""
    return f"zfs unload-key {quote(dataset.encryptionroot or dataset.name)}"


def _destroy(snapshots: Sequence[Snapshot]) -> str:
    """The command that destroys these snapshots, which have none between them, and no other."""
    first, last = snapshots[0], snapshots[-1]
    return f"zfs destroy {quote(first.full_name if first == last else f'{first.full_name}%{last.name}')}"


def _other_name(job: Job, source: DatasetState, name: str) -> str:
    return in_replicas(job, source, f"{name.removeprefix(f'{job.root}/')}-2")


def _set_aside(name: str) -> str:
    """The command that keeps what is there but frees its name."""
    return f"zfs rename {quote(name)} {quote(name + '-old')}"
