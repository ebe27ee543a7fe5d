"""Names as ZFS allows them, and the one rule that makes a replica's name.

The rules are those of zfs_namecheck.c: components of `A-Z a-z 0-9 - _ . :` and the space, 255 bytes in all. A name that
was checked here begins with a letter and holds neither tab, newline nor shell character: no command can read it as an
option, and no listing can be forged with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from zoffsite.model.errors import SettingsError
from zoffsite.model.job import Job
from zoffsite.zfs.excerpt import excerpt

MAX_NAME = 255
"""Bytes of a whole name, `@snapshot` or `#bookmark` included (ZFS_MAX_DATASET_NAME_LEN less the closing NUL)."""

_COMPONENT = r"[A-Za-z0-9\-_.: ]+"
_DATASET = re.compile(rf"[A-Za-z][A-Za-z0-9\-_.: ]*(?:/{_COMPONENT})*")
_VERSION = re.compile(_COMPONENT)


@lru_cache(maxsize=4096)
def is_dataset(name: str) -> bool:
    """True for a name that a filesystem or volume can have. Asked again for each of its snapshots."""
    return (
        len(name) <= MAX_NAME
        and _DATASET.fullmatch(name) is not None
        and not any(component in (".", "..") for component in name.split("/"))
    )


def is_version(name: str) -> bool:
    """True for what may stand after `@` or `#`."""
    return len(name) <= MAX_NAME and _VERSION.fullmatch(name) is not None


def split_version(full_name: str, mark: str) -> tuple[str, str] | None:
    """`("tank/x", "daily")` of `tank/x@daily`, with `mark` one of `@` and `#`; None where it is no such name."""
    dataset, found, name = full_name.partition(mark)
    if found and len(full_name) <= MAX_NAME and is_dataset(dataset) and is_version(name):
        return dataset, name
    return None


def check_dataset(name: str) -> str:
    """`name`, if a dataset can have it; else SettingsError "bad-name"."""
    return name if is_dataset(name) else _refuse("dataset", name)


def check_snapshot(full_name: str) -> str:
    """`full_name`, if it is `dataset@snapshot`; else SettingsError "bad-name"."""
    return full_name if split_version(full_name, "@") else _refuse("snapshot", full_name)


def check_bookmark(full_name: str) -> str:
    """`full_name`, if it is `dataset#bookmark`; else SettingsError "bad-name"."""
    return full_name if split_version(full_name, "#") else _refuse("bookmark", full_name)


def replica_of(job: Job, dataset: str) -> str:
    """Where `dataset` of `job` goes on the box: below its root, by the name that `replicas` gives it, if any.

    It may be longer than ZFS allows: no command takes it then, and its dataset is refused by name.
    """
    other = dict(job.replicas).get(dataset)
    return replica_name(job.root, dataset) if other is None else f"{job.root}/{other}"


def replica_name(root: str, dataset: str) -> str:
    """Where a dataset goes that was given no other name: `root/pool:path:of:dataset`.

    Flat, so that every replica stands alone: no placeholder parents, and one that fails stops no other.
    """
    return f"{root}/{dataset.replace('/', ':')}"


def replicas_by_dataset(job: Job, replicas: Iterable[str], remembered: Mapping[str, str]) -> dict[str, list[str]]:
    """What each of `replicas` is of, as the dataset is called on the source; of several of one, that in use is first.

    By what is `remembered` of a replica, by the settings, or else by the rule of names turned round, which cannot tell
    a colon from a slash.
    """
    below = f"{job.root}/"
    named = {f"{below}{name}": dataset for dataset, name in job.replicas}
    found: dict[str, list[str]] = {}
    for replica in sorted(name for name in replicas if name.startswith(below)):
        by_rule = replica.removeprefix(below).replace(":", "/")
        found.setdefault(remembered.get(replica) or named.get(replica) or by_rule, []).append(replica)
    for dataset, names in found.items():
        in_use = replica_of(job, dataset) if is_dataset(dataset) else ""
        names.sort(key=lambda name: name != in_use)
    return found


def _refuse(what: str, name: str) -> str:
    raise SettingsError(
        "use",
        f"the {what} name {excerpt(name)}",
        f"ZFS does not allow it: letters, digits, '-_.: ' only, beginning with a letter, {MAX_NAME} characters at most",
        "correct the name in the settings: zoffsite config check",
        code="bad-name",
    )
