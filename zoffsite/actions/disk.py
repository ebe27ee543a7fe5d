"""A job whose target is a removable disk: imported for the work, exported after it, whatever happens."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from zoffsite.disklock import DiskUse, using
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.pools import Pools
from zoffsite.hosts.transfers import transfers
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.job import Disk, Job
from zoffsite.model.notice import Notice
from zoffsite.model.pool import Pool
from zoffsite.planning.disks import ALTROOT, absence, absence_error, find_pool, is_ours, still_imported, too_long
from zoffsite.planning.wording import reworded
from zoffsite.state import disk_seen, see_disk

log = logging.getLogger(__name__)

Tell = Callable[[Notice], object]
TRIES = 20
PAUSE = 0.5
"""An export is tried so often, so many seconds apart."""


@contextmanager
def target_at_hand(job: Job, hosts: Connections, state_dir: Path, now: datetime, tell: Tell) -> Iterator[bool]:
    """True in the block when the job's target can be used. False: it is a disk that is away, and may be; see `tell`.

    A disk that is attached but not imported is imported, and exported at the end, unless another run uses it then. One
    that somebody else imported stays imported. Raises UnreachableError "disk-absent" when it has been away too long.
    """
    if not isinstance(job.box, Disk):
        yield True
        return
    disk, pools = job.box, hosts.pools_of(job)
    with using(disk, state_dir) as use:
        pool = _imported(disk, pools)
        if pool is None:
            seen = disk_seen(disk.guid, state_dir) or see_disk(disk.guid, state_dir, now)
            if too_long(disk, seen, now):
                raise absence_error(job, disk, seen, overdue=True)
            tell(absence(job, disk, seen))
            yield False
            return
        see_disk(disk.guid, state_dir, now)
        try:
            yield True
        except ZoffsiteError as error:
            raise reworded(error, disk) from error.__cause__
        except BaseException:
            transfers.stop_all()  # whoever still sends would keep the pool busy
            raise
        finally:
            _leave(disk, pool, pools, use, tell)


@contextmanager
def target_needed(job: Job, hosts: Connections, state_dir: Path, now: datetime) -> Iterator[None]:
    """The same for whoever can do nothing without it: UnreachableError "disk-absent" at once."""

    def tell(notice: Notice) -> None:
        if notice.code != "disk-absent":
            log.warning("%s: %s; %s", notice.subject, notice.message, notice.remedy)

    with target_at_hand(job, hosts, state_dir, now, tell) as there:
        if not there and isinstance(job.box, Disk):
            raise absence_error(job, job.box, disk_seen(job.box.guid, state_dir) or now, overdue=False)
        yield


def _imported(disk: Disk, pools: Pools) -> Pool | None:
    """Its pool, imported; None where it is not attached."""
    pool = find_pool(disk, pools.imported())
    if pool is not None or not pools.import_disk(disk, ALTROOT):
        return pool
    log.info("%s is imported", disk.label)
    after = pools.imported()
    try:
        return find_pool(disk, after)
    except ZoffsiteError:  # it has another name than the settings say
        for each in after:
            if each.guid == disk.guid:
                pools.export(each.name)
        raise


def _leave(disk: Disk, pool: Pool, pools: Pools, use: DiskUse, tell: Tell) -> None:
    """Export it if its import is ours. Never raises: the work is done, and how it ended matters more."""
    if not is_ours(pool):
        return
    if not use.alone():
        log.info("%s stays imported: another run uses it", disk.label)
        return
    problem = exported(pool, pools)
    if problem is None:
        log.info("%s is exported: it may be pulled out", disk.label)
    else:
        tell(still_imported(disk, problem.problem))


def exported(pool: Pool, pools: Pools) -> ZoffsiteError | None:
    """None when it is; else why not. What was just killed may use it for a moment more."""
    for _ in range(TRIES):
        try:
            problem = pools.export(pool.name)
        except ZoffsiteError as error:
            return error
        if problem is None or problem.code != "busy":
            return problem
        time.sleep(PAUSE)
    return problem
