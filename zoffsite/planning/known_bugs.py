"""Bugs of OpenZFS that matter to raw encrypted sends: a small table, and what follows from it.

Each entry was checked against its issue, and its fix against the tags of the release branches (August 2026).
docs/reference/known-bugs.md shows the table, and says what is not in it and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from zoffsite.model.notice import Notice
from zoffsite.model.openzfs import Release
from zoffsite.model.plan import Refused, Send, Side
from zoffsite.model.work import Work

CODE = "known-bug"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBug:
    """`issue` of openzfs/zfs. `fixed` are the first good releases of the branches that are concerned at all.

    A branch older than all of those is affected as a whole, unless `since` says where the bug came in. `words` say what
    happens, and when. `refuse`: what it does to a replica would be noticed only at a restore. `apart`: it takes two
    machines, so a removable disk has nothing to fear.
    """

    issue: int
    side: Side
    fixed: tuple[Release, ...]
    words: str
    since: Release | None = None
    refuse: bool = False
    apart: bool = False

    def affects(self, release: Release) -> bool:
        """True where the bug is, as far as upstream's releases tell."""
        if self.since is not None and release.order < self.since.order:
            return False
        mended = [fix for fix in self.fixed if fix.branch <= release.branch]
        return not mended or release.order < max(mended, key=lambda fix: fix.order).order

    @property
    def url(self) -> str:
        """Where it is told."""
        return f"https://github.com/openzfs/zfs/issues/{self.issue}"


def _release(major: int, minor: int, patch: int, rc: int | None = None) -> Release:
    return Release(major=major, minor=minor, patch=patch, rc=rc)


KNOWN_BUGS: tuple[KnownBug, ...] = (
    KnownBug(
        issue=13067,
        side=Side.BOX,
        fixed=(_release(2, 1, 3), _release(2, 2, 0, 1)),
        refuse=True,
        words="where the box's pool has larger sectors (ashift) than the source's, a raw receive pads encrypted blocks "
        "with zeros, and the replica can never be mounted",
    ),
    KnownBug(
        issue=12594,
        side=Side.SOURCE,
        fixed=(_release(2, 1, 3), _release(2, 2, 0, 1)),
        words="what a restore receives raw from the box may fail to mount with an input/output error",
    ),
    KnownBug(
        issue=13855,
        side=Side.BOX,
        apart=True,
        fixed=(_release(2, 1, 6), _release(2, 2, 0, 1)),
        words="a receive hangs where records are larger than the box's zfs_max_recordsize",
    ),
    KnownBug(
        issue=13699,
        side=Side.BOX,
        fixed=(_release(2, 1, 7), _release(2, 2, 0, 1)),
        words="a replica whose recordsize is over 128K may not be sent back raw, as a restore does",
    ),
    KnownBug(
        issue=15039,
        side=Side.BOX,
        apart=True,
        fixed=(_release(2, 1, 13), _release(2, 2, 0, 2)),
        words="a raw receive may fail where the two machines have different default indirect block sizes",
    ),
    KnownBug(
        issue=15464,
        side=Side.SOURCE,
        since=_release(2, 2, 0, 1),
        fixed=(_release(2, 2, 1),),
        words="a file copied from an unencrypted into an encrypted dataset may stay unencrypted there: it cannot be "
        "read, and to send it panics the kernel",
    ),
)


def bugs_of(side: Side, release: Release, *, apart: bool = True) -> tuple[KnownBug, ...]:
    """Those that this release has on this side, by upstream's count. `apart`: the other side is another machine."""
    here = (bug for bug in KNOWN_BUGS if bug.side is side and (apart or not bug.apart))
    return tuple(bug for bug in here if bug.affects(release))


def known_bug_notices(side: Side, release: Release, host: str, *, apart: bool = True) -> tuple[Notice, ...]:
    """A warning for each bug of a host; see `bugs_of`. A distribution may have mended it: then the words say so."""
    doubt = ", unless its distribution has mended that" if release.packaged else ""
    return tuple(
        Notice(
            code=CODE,
            subject=host,
            message=f"OpenZFS {release} on the {side} has a known bug{doubt}: {bug.words} (#{bug.issue})",
            remedy=f"upgrade OpenZFS there to {bug.fixed[0]} or newer: {bug.url}",
        )
        for bug in bugs_of(side, release, apart=apart)
    )


def refuse_for_bugs(works: Iterable[Work], releases: Iterable[tuple[Side, Release]]) -> Iterator[Work]:
    """`works`, those that would send refused where a bug could ruin the replica unnoticed.

    A release that a distribution packaged is only warned of: which fixes it has cannot be seen from its number.
    """
    fatal = [(release, bug) for side, release in releases for bug in bugs_of(side, release) if bug.refuse]
    stop = next(((release, bug) for release, bug in fatal if not release.packaged), None)
    for work in works:
        if stop is None or not isinstance(work.plan, Send):
            yield work
        else:
            yield replace(work, plan=_refused(work, *stop))


def _refused(work: Work, release: Release, bug: KnownBug) -> Refused:
    return Refused(
        source=work.plan.source,
        replica=work.plan.replica,
        code=CODE,
        reason=f"OpenZFS {release} on the {bug.side} has a known bug: {bug.words} (#{bug.issue})",
        remedy=f"upgrade OpenZFS on the {bug.side} to {bug.fixed[0]} or newer: {bug.url}",
    )
