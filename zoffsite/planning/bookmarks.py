"""The bookmarks that remember, on the source, what the box has: a base that survives the snapshot."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.version import Bookmark, Version


def bookmark_name(job: Job, guid: int) -> str:
    """The name that stands for the snapshot with this guid: `zoffsite-{job}-{16 hex digits}`."""
    return f"zoffsite-{job.name}-{guid:016x}"


def bookmark_of(job: Job, version: Version) -> Bookmark:
    """Our bookmark of `version`, as ZFS makes it."""
    return Bookmark(
        dataset=version.dataset,
        name=bookmark_name(job, version.guid),
        guid=version.guid,
        createtxg=version.createtxg,
        creation=version.creation,
    )


def with_bookmarks(state: DatasetState, made: Iterable[Bookmark]) -> DatasetState:
    """`state` after these were made; those of other datasets are not its own."""
    known = {bookmark.full_name: bookmark for bookmark in (*state.bookmarks, *made)}
    own = (bookmark for bookmark in known.values() if bookmark.dataset == state.dataset.name)
    return replace(state, bookmarks=tuple(sorted(own, key=lambda each: (each.createtxg, each.creation, each.name))))


def is_our_bookmark(job: Job, name: str) -> bool:
    """True for a name of exactly the shape that `bookmark_name` gives, so never for those of a job `{job}-more`."""
    return re.fullmatch(rf"zoffsite-{re.escape(job.name)}-[0-9a-f]{{16}}", name) is not None


def to_bookmark(job: Job, state: DatasetState, guid: int) -> Version | None:
    """What our bookmark of this guid is to be made from: the snapshot, or else somebody's bookmark of it.

    None where ours is there, or nothing is. Another's bookmark is not relied on: whoever made it may destroy it.
    """
    marks = [bookmark for bookmark in state.bookmarks if bookmark.guid == guid]
    if any(is_our_bookmark(job, bookmark.name) for bookmark in marks):
        return None
    return state.snapshots.find(guid) or next(iter(marks), None)


def superseded(job: Job, state: DatasetState, current_guid: int) -> tuple[Bookmark, ...]:
    """Our bookmarks of anything but `current_guid`, which the box now has. Another job's are never among them."""
    return tuple(b for b in state.bookmarks if is_our_bookmark(job, b.name) and b.guid != current_guid)
