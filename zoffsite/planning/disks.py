"""The removable disk: is it the one, whose is its import, and has it been away for too long?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from shlex import quote

from zoffsite.model.errors import OperationError, SafetyError, UnreachableError
from zoffsite.model.job import Disk, Job
from zoffsite.model.notice import Notice
from zoffsite.model.pool import Pool

ALTROOT = "/run/zoffsite"
"""The altroot of every import of ours. It says whose the import is as long as it lasts: also after a kill -9."""


def find_pool(disk: Disk, imported: Iterable[Pool]) -> Pool | None:
    """The disk's pool, if it is imported: the guid decides.

    Raises SafetyError "another-pool" where another pool has its name, OperationError "disk-renamed" where it is called
    otherwise.
    """
    found = None
    for pool in imported:
        if pool.guid == disk.guid:
            found = pool
        elif pool.name == disk.pool:
            raise _another(disk, pool)
    if found is not None and found.name != disk.pool:
        raise _renamed(disk, found)
    return found


def is_ours(pool: Pool) -> bool:
    """True when a run imported it, this one or one that was killed: then it is exported after the run."""
    return pool.altroot == ALTROOT


def too_long(disk: Disk, seen: datetime, now: datetime) -> bool:
    """True when somebody should go and fetch it."""
    return now - seen > disk.absent_after


def absence(job: Job, disk: Disk, seen: datetime) -> Notice:
    """The disk is not there, which is its nature."""
    return Notice(code="disk-absent", subject=disk.label, message=_last_seen(seen), remedy=_attach(job))


def absence_error(job: Job, disk: Disk, seen: datetime, *, overdue: bool) -> UnreachableError:
    """It is not there, but should be."""
    late = f", more than {disk.absent_after.days} days ago" if overdue else ""
    return UnreachableError("find", disk.label, f"{_last_seen(seen)}{late}", _attach(job), code="disk-absent")


def still_imported(disk: Disk, why: str) -> Notice:
    """It could not be exported: to pull it now could cost what is not written yet."""
    return Notice(
        code="disk-still-imported",
        subject=disk.label,
        message=f"it could not be exported, so do not pull it out yet: {why}",
        remedy=f"see what uses it, then: zpool export {quote(disk.pool)}",
    )


def _last_seen(seen: datetime) -> str:
    return f"it is not attached; it was last seen on {seen:%Y-%m-%d %H:%M} UTC"


def _attach(job: Job) -> str:
    return f"attach it, then: zoffsite backup --job {job.name}"


def _another(disk: Disk, pool: Pool) -> SafetyError:
    return SafetyError(
        "use",
        disk.label,
        f"the imported pool {pool.name} is another one: its GUID is {pool.guid}, not {disk.guid}",
        f"export it and attach the right disk: zpool export {quote(pool.name)}; or correct guid in [disk.…]",
        code="another-pool",
    )


def _renamed(disk: Disk, pool: Pool) -> OperationError:
    return OperationError(
        "use",
        disk.label,
        f"the pool with the GUID {disk.guid} is called {pool.name}",
        f'write root = "{pool.name}/…" in [disk.…], or rename it: zpool export {quote(pool.name)} && '
        f"zpool import -N {disk.guid} {quote(disk.pool)}",
        code="disk-renamed",
    )
