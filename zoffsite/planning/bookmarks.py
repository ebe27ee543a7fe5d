"""The bookmarks that remember, on the source, what the box has: a base that survives the snapshot."""

from __future__ import annotations

import re

from zoffsite.model.inventory import DatasetState
from zoffsite.model.job import Job
from zoffsite.model.version import Bookmark


def bookmark_name(job: Job, guid: int) -> str:
    """The name that stands for the snapshot with this guid: `zoffsite-{job}-{16 hex digits}`."""
    return f"zoffsite-{job.name}-{guid:016x}"


def is_our_bookmark(job: Job, name: str) -> bool:
    """True for a name of exactly the shape that `bookmark_name` gives, so never for those of a job `{job}-more`."""
    return re.fullmatch(rf"zoffsite-{re.escape(job.name)}-[0-9a-f]{{16}}", name) is not None


def has_bookmark(job: Job, state: DatasetState, guid: int) -> bool:
    """True when nothing is left to bookmark: ours is there, or the snapshot is gone (another bookmark is the base)."""
    if any(bookmark.guid == guid and is_our_bookmark(job, bookmark.name) for bookmark in state.bookmarks):
        return True
    return guid not in state.snapshots.guids


def superseded(job: Job, state: DatasetState, current_guid: int) -> tuple[Bookmark, ...]:
    """Our bookmarks of anything but `current_guid`, which the box now has. Another job's are never among them."""
    return tuple(b for b in state.bookmarks if is_our_bookmark(job, b.name) and b.guid != current_guid)
