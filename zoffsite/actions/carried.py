"""The box's own disk, carried to the machine that receives: imported to be read, exported in the end."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from zoffsite.actions.disk import exported
from zoffsite.hosts.connections import Connections
from zoffsite.hosts.pools import Pools
from zoffsite.model.job import Disk, Job, Origin, SshHost
from zoffsite.model.pool import Pool
from zoffsite.planning.disks import ALTROOT

log = logging.getLogger(__name__)


@contextmanager
def carried_pool(job: Job, named: str, hosts: Connections) -> Iterator[Job]:
    """`job` as if its replicas were on the pool `named`, by name or guid, of the receiving machine.

    One that is imported already is used, and left, as it is. Raises OperationError "disk-not-importable".
    """
    pools = hosts.pools_of(job)
    before = _find(pools, named)
    if before is None:
        pools.import_to_read(named, ALTROOT)
    pool = before or _find(pools, named)
    assert pool is not None  # noqa: S101 - it was just imported
    root = f"{pool.name}/{job.root.partition('/')[2]}".rstrip("/")
    origin = Origin(host_key=job.box.host_key, root=job.root) if isinstance(job.box, SshHost) else None
    disk = Disk(pool=pool.name, guid=pool.guid, absent_after=timedelta.max, carried=origin)
    try:
        yield replace(job, box=disk, root=root, gated=False)
    finally:
        problem = exported(pool, pools) if before is None else None
        if problem is not None:
            log.warning("%s; do not pull the disk out yet; %s", problem, problem.remedy)


def _find(pools: Pools, named: str) -> Pool | None:
    return next((pool for pool in pools.imported() if named in (pool.name, str(pool.guid))), None)
