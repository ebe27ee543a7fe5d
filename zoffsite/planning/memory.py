"""Ledger and listings together: does the box still have what it had, and is it still of this dataset?"""

from __future__ import annotations

from dataclasses import replace
from shlex import quote

from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.memory import NOTHING, Memory, OnBox, Remembered
from zoffsite.model.notice import Notice
from zoffsite.model.plan import Conflict, DatasetPlan, FullSend, Refused
from zoffsite.model.snapshots import NO_SNAPSHOTS
from zoffsite.planning.obstacles import shown_names


def memory_of(memory: Memory, source: DatasetState, replica: str, there: DatasetState | None) -> Remembered:
    """What is known of one dataset and of its replica: by their names, or by guids where both were renamed."""
    found = memory.replicas.get(replica) or _renamed(memory, source, there)
    return replace(found, alarms=memory.alarms.get(found.dataset or source.dataset.name, ()))


def under_root(memory: Memory, root: str) -> Memory:
    """What is known of replicas, by the names that they have below `root`: a disk carried home may have another.

    One that is known by its name there already stays as it is.
    """
    moved = {f"{root}/{name.rpartition('/')[2]}": known for name, known in memory.replicas.items()}
    return replace(memory, replicas={**moved, **memory.replicas})


def _renamed(memory: Memory, source: DatasetState, there: DatasetState | None) -> Remembered:
    on_box = set(there.snapshots.guids) if there else set()
    same = (each for each in memory.replicas.values() if each.dataset_guid == source.dataset.guid)
    return next((each for each in same if not on_box.isdisjoint(each.on_box.guids)), NOTHING)


def another_source(job: Job, plan: DatasetPlan, source: DatasetState, memory: Remembered) -> Refused | None:
    """A refusal where the replica was made of another dataset, although the GUIDs of snapshots would let `plan` go on.

    That is so for a clone, or a copy that was sent and received on the source, in the place of what was backed up. A
    full send begins a new replica; where the snapshots disagree too, the Conflict says more.
    """
    if memory.dataset_guid in (None, source.dataset.guid) or isinstance(plan, FullSend | Conflict | Refused):
        return None
    return Refused(
        source=plan.source,
        replica=plan.replica,
        code="another-source",
        reason=f"the replica was made of another dataset (guid {memory.dataset_guid}) than the one that has this name "
        f"now (guid {source.dataset.guid}), though they share snapshots: a copy or a clone has taken its place",
        remedy=f"if that was you: {approve_command(job, plan.source)}",
    )


def lost(job: Job, dataset: str, replica: DatasetState | None, memory: Remembered) -> Notice | None:
    """An alarm where the box no longer has what it had, and nothing of ours pruned it.

    What is left may well be a base for the next send, so this stops none: but somebody should know.
    """
    missing = missing_of(replica, memory)
    if not missing:
        return None
    names = shown_names([each.name for each in missing])
    newest = replica.newest if replica else None
    if newest is None:
        code, message = "replica-lost", f"the box has nothing left of its replica, which had {names}"
    elif missing[-1] == memory.on_box[-1]:
        code = "replica-rolled-back"
        message = f"the box was set back to @{newest.name}: it had received {names}, and has lost that"
    else:
        code, message = "snapshots-lost", f"the box has lost {names}, which nothing of this job pruned"
    return Notice(code=code, subject=dataset, message=message, remedy=_look(job, dataset), alert=True)


def missing_of(replica: DatasetState | None, memory: Remembered) -> tuple[OnBox, ...]:
    """What the box must still have and has not, oldest first."""
    there = set(replica.snapshots.guids) if replica else set()
    known = memory.on_box
    return tuple(known[place] for place, guid in enumerate(known.guids) if guid not in there)


def no_longer_there(replica: DatasetState | None, memory: Remembered) -> frozenset[int]:
    """The GUIDs of what is lost, and of what was being pruned when nobody came to write down that it went."""
    there = replica.snapshots.guids if replica else ()
    return memory.leaving.union(memory.on_box.guids).difference(there)


def unremembered(source: DatasetState, replica: DatasetState | None, memory: Remembered) -> tuple[OnBox, ...]:
    """What both sides have, oldest first, and the ledger does not know of: sent before there was one, or by a run that
    was killed before it could write it down. What only the box knows is not taken over, but for what was being pruned
    and is still there."""
    known = set(memory.on_box.guids)
    ours = {*source.snapshots.guids, *(bookmark.guid for bookmark in source.bookmarks), *memory.leaving}
    there = replica.snapshots if replica else NO_SNAPSHOTS
    both = zip(there.names, there.guids, strict=True)
    return tuple(OnBox(name=name, guid=guid) for name, guid in both if guid in ours and guid not in known)


def standing_notices(job: Job, dataset: str, memory: Remembered) -> tuple[Notice, ...]:
    """The alarms that stand, said again in every report; those of which no alert has gone out yet alert."""
    return tuple(
        Notice(
            code=alarm.code,
            subject=dataset,
            message=f"{alarm.message} (since {alarm.raised:%Y-%m-%d %H:%M} UTC; nothing of it is pruned)",
            remedy=_look(job, dataset),
            alert=not alarm.told,
        )
        for alarm in memory.alarms
    )


def acknowledge_command(job: Job, dataset: str) -> str:
    """What ends an alarm."""
    return f"zoffsite acknowledge {quote(dataset)} --job {job.name}"


def approve_command(job: Job, dataset: str) -> str:
    """What lets a changed key, or another dataset of the name, go to the box."""
    return f"zoffsite approve-key {quote(dataset)} --job {job.name}"


def _look(job: Job, dataset: str) -> str:
    return f"find out why; nothing of it is pruned on either side until you say: {acknowledge_command(job, dataset)}"
