"""Hold what is being sent, and bookmark what has arrived before it is let go.

Per dataset, around its send, not per run in front of all: ZFS writes out a whole transaction group for each snapshot
that is held, one after the other even in one command (measured: 60 in one command took 60 times what one took), so the
process per dataset is the smaller part. This way the groups of parallel transfers fall together, no transfer waits for
the holds of others, and pruning after the send finds the snapshots free again. Of a long chain only the next steps are
held, so that its first byte need not wait for thousands of groups.

What the box has last received is the only base there is. Until it is bookmarked, its hold is what keeps it: so a killed
run's holds are released only after a bookmark of each of them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace

from zoffsite.hosts.connections import Connections
from zoffsite.model.errors import OperationError, RunInterruptedError, ZoffsiteError
from zoffsite.model.job import Job
from zoffsite.model.notice import Notice
from zoffsite.model.plan import Send
from zoffsite.model.version import Bookmark, Snapshot
from zoffsite.model.work import SourceFacts, Work
from zoffsite.planning.bookmarks import bookmark_of, to_bookmark, with_bookmarks
from zoffsite.planning.holds import AT_ONCE, held_by_anyone, hold_tag, to_hold, without_holds

log = logging.getLogger(__name__)


class Holds:
    """What is held for one send, and what is to be bookmarked before it is let go."""

    def __init__(self, job: Job, work: Work, plan: Send, hosts: Connections) -> None:
        self._job = job
        self._plan = plan
        self._source = hosts.source_of(job)
        self._names: tuple[str, ...] = ()
        self._base = _unmarked_base(job, work, plan)
        self._arrived: Snapshot | None = None
        self._leaving: Snapshot | None = None
        self.bookmarks: tuple[Bookmark, ...] = ()

    def reach(self, number: int) -> None:
        """Before step `number`: hold the next ones and their base, and let go of what is behind.

        Raises OperationError "plan-outdated" (transient) when something of it is gone already.
        """
        if number % AT_ONCE:
            return
        before, wanted = self._names, to_hold(self._plan, number)
        new = tuple(name for name in wanted if name not in before)
        self._names = (*before, *new)
        try:
            self._source.hold(hold_tag(self._job), new)
        except OperationError as error:
            raise (_outdated(self._plan, error) if error.code == "dataset-missing" else error) from error
        if number == 0:
            self._arrived = self._base
        self._release([name for name in before if name not in wanted])
        self._names = wanted

    def leaving(self, snapshot: Snapshot) -> None:
        """Some of it has left: it may arrive although we never hear of that."""
        self._leaving = snapshot

    def arrived(self, snapshot: Snapshot) -> None:
        """The box has it: from now on it is the base."""
        self._arrived, self._leaving = snapshot, None

    def let_go(self) -> None:
        """Bookmark what the box has, or may have, and release. What has no bookmark stays held, for the next run.

        Nothing here hides how the send ended, and all of it is done while the run is being stopped, too.
        """
        kept: list[str] = []
        for snapshot in (self._arrived, self._leaving):
            if snapshot is not None and not self._bookmark(snapshot):
                kept.append(snapshot.full_name)
        self._release([name for name in self._names if name not in kept])

    def _bookmark(self, snapshot: Snapshot) -> bool:
        bookmark = bookmark_of(self._job, snapshot)
        try:
            self._source.bookmark(snapshot, bookmark.full_name)
        except ZoffsiteError as error:
            log.warning("%s stays held until the next run, for it has no bookmark: %s", snapshot.full_name, error)
            return False
        self.bookmarks = (*self.bookmarks, bookmark)
        return True

    def _release(self, names: Collection[str]) -> None:
        """Who may not hold has nothing to release."""
        try:
            self._source.release(hold_tag(self._job), tuple(names))
        except ZoffsiteError as error:
            if error.code != "not-permitted":
                log.warning("%s: its holds are left to the next run to release: %s", self._plan.source, error)


@contextmanager
def held(job: Job, work: Work, plan: Send, hosts: Connections) -> Iterator[Holds]:
    """While the block lasts, nobody can destroy on the source what `plan` is about to send, nor its base.

    Raises what `Holds.reach` raises.
    """
    holds = Holds(job, work, plan, hosts)
    try:
        holds.reach(0)
        yield holds
    finally:
        holds.let_go()


def release_orphans(job: Job, facts: SourceFacts, hosts: Connections) -> SourceFacts:
    """Release what a run of this job that was killed still holds; the lock says that no other is under way.

    One command looks, and only where the listing says that somebody holds something. Any of them may have arrived, and
    be the only base there is: so each gets a bookmark first, also where the box cannot be reached today.
    """
    candidates = {snapshot.full_name: snapshot for snapshot in held_by_anyone(facts)}
    if not candidates:
        return facts
    source = hosts.source_of(job)
    made: list[Bookmark] = []
    try:
        orphans = tuple(name for name, tag in source.holds(tuple(candidates)) if tag == hold_tag(job))
        for snapshot in (candidates[name] for name in orphans):
            if to_bookmark(job, facts.inventory.datasets[snapshot.dataset], snapshot.guid) is not None:
                bookmark = bookmark_of(job, snapshot)
                source.bookmark(snapshot, bookmark.full_name)
                made.append(bookmark)
        if orphans:
            log.info("releasing %d holds of a run that was killed", len(orphans))
            source.release(hold_tag(job), orphans)
    except RunInterruptedError:
        raise
    except ZoffsiteError as error:  # they only keep what could be pruned
        return replace(facts, notices=(*facts.notices, _still_held(job, error)))
    marked = tuple(with_bookmarks(state, made) for state in facts.chosen) if made else facts.chosen
    return without_holds(replace(facts, chosen=marked), orphans)


def _unmarked_base(job: Job, work: Work, plan: Send) -> Snapshot | None:
    """The box's newest before anything is sent, where nothing but that snapshot itself is the base."""
    base = plan.steps[0].base
    if not isinstance(base, Snapshot) or base.dataset != plan.source:
        return None
    return base if to_bookmark(job, work.source, base.guid) is not None else None


def _outdated(plan: Send, error: OperationError) -> OperationError:
    return OperationError(
        "hold",
        plan.source,
        f"something that was to be sent, or its base, has been destroyed since it was planned ({error.problem})",
        "run it again: it is planned anew from what is there",
        code="plan-outdated",
        transient=True,
    )


def _still_held(job: Job, error: ZoffsiteError) -> Notice:
    return Notice(
        code="orphan-holds",
        subject=f"job {job.name}",
        message=f"what a run that was killed may still hold could not be released: {error}",
        remedy=error.remedy,
    )
