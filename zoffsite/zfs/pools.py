"""Import and export of a removable disk's pool: what `zpool` says."""

from __future__ import annotations

import re
from shlex import quote

from zoffsite.model.errors import OperationError, ZoffsiteError
from zoffsite.model.job import Disk
from zoffsite.model.pool import Pool
from zoffsite.zfs.excerpt import plain
from zoffsite.zfs.malformed import MalformedError, malformed_answer
from zoffsite.zfs.names import is_dataset
from zoffsite.zfs.stderr import MAX_SHOWN

_ABSENT = re.compile(r"no such pool available|no pools available to import")
_NOT_ROOT = re.compile(r"require root privileges|must be run as root|[Pp]ermission denied")
_FOREIGN = re.compile(r"in use from (?:an)?other system|may be in use|currently imported by")
_TAKEN = re.compile(r"pool already exists|pool with that name already exists")


def parse_pools(text: str, host: str) -> tuple[Pool, ...]:
    """The pools that `argv.list_pools` lists. Raises OperationError "malformed-answer"."""
    return tuple(_pool(line, host) for line in text.splitlines())


def _pool(line: str, host: str) -> Pool:
    with malformed_answer(host, line):
        fields = line.split("\t")
        if len(fields) != 3 or not is_dataset(fields[0]) or not re.fullmatch(r"[0-9]{1,20}", fields[1]):
            raise MalformedError("not a pool")
        return Pool(name=fields[0], guid=int(fields[1]), altroot=None if fields[2] == "-" else fields[2])


def is_absent(stderr: str) -> bool:
    """True where a failed import says that there is no such pool. A user may also be told so who may not look."""
    return _ABSENT.search(stderr) is not None and _NOT_ROOT.search(stderr) is None


def carried_error(pool: str, exit_code: int, stderr: str, host: str) -> ZoffsiteError:
    """The error for a pool that cannot be imported to be read."""
    problem, code = plain(stderr, MAX_SHOWN) or f"zpool ended with exit code {exit_code}", "disk-not-importable"
    remedy = "see what is attached: zpool import; name a pool, or its id where two have one name"
    if _NOT_ROOT.search(stderr):
        problem, code, remedy = "only root may import a pool", "not-permitted", "run it as root"
    return OperationError("import", f"the pool {plain(pool, MAX_SHOWN)}", f"{problem} ({host})", remedy, code=code)


def import_error(disk: Disk, exit_code: int, stderr: str, host: str) -> ZoffsiteError:
    """The error for an import that failed although the disk is there."""
    if _NOT_ROOT.search(stderr):
        problem, code = "only root may import a pool", "not-permitted"
        remedy = f"run the job as root, or import the disk before: zpool import -N {disk.guid}"
    elif _FOREIGN.search(stderr):
        problem, code = "it was last used on another machine, and not exported there", "disk-in-use"
        by_hand = f"zpool import -f -N {disk.guid} && zpool export {quote(disk.pool)}"
        remedy = f"see that no other machine uses it now; then: {by_hand}"
    elif _TAKEN.search(stderr):
        problem, code = "another pool of its name is imported", "another-pool"
        remedy = f"see which one it is, and export it: zpool list -o name,guid; zpool export {quote(disk.pool)}"
    else:
        problem, code = plain(stderr, MAX_SHOWN) or f"zpool ended with exit code {exit_code}", "disk-not-importable"
        remedy = f"look at it: zpool import; then try by hand: zpool import -N {disk.guid}"
    return OperationError("import", disk.label, f"{problem} ({host})", remedy, code=code)
