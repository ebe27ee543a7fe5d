"""Which names and patterns the settings may hold: ZFS's own rules (zfsconcepts(7)), and ours for jobs and hosts."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address

from zoffsite.config.mistakes import WrongValueError

LONGEST_DATASET = 255
"""ZFS_MAX_DATASET_NAME_LEN less its final zero: bytes of a full name, `@snapshot` included."""
LONGEST_NAME = 40

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_COMPONENT = re.compile(r"[A-Za-z0-9_.:\- ]+")
_PATTERN = re.compile(r"[A-Za-z0-9_.:\- *?\[\]!]+")
_PREFIX = re.compile(r"[A-Za-z0-9_.:\-]+")
_HOST = re.compile(r"[A-Za-z0-9_.:%\-]+")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*\$?")


def is_pattern(dataset: str) -> bool:
    """True when `dataset` stands for names by *, ? or [...]."""
    return any(mark in dataset for mark in "*?[")


def check_name(name: str) -> str:
    """The name of a job, a box or a source: it becomes part of file, bookmark and variable names."""
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise WrongValueError(
            f'"{name[: LONGEST_NAME + 1]}" cannot be a name here',
            f'use small letters and digits joined by single dashes, at most {LONGEST_NAME}: "my-home"',
        )
    return name


def check_dataset(name: str) -> str:
    """The name of one dataset, without patterns."""
    _check_path(name, _COMPONENT, "a dataset")
    return name


def check_replica(name: str) -> str:
    """The name of a replica below the root: one component, for replicas lie flat."""
    if not _COMPONENT.fullmatch(name) or name in (".", ".."):
        raise WrongValueError(f'"{name}" cannot be a replica\'s name', 'write one name without slashes: "home-2"')
    return name


def check_pattern(name: str) -> str:
    """The name of a dataset, or a pattern for several."""
    _check_path(name, _PATTERN, "a dataset or a pattern")
    if name.count("[") != name.count("]"):
        raise WrongValueError(f'"{name}" opens a [ that it does not close', 'write "[ab]", or "*" for anything')
    return name


def check_snapshot_pattern(name: str) -> str:
    """A pattern for the part of a snapshot's name after the @."""
    if not _PATTERN.fullmatch(name):
        raise WrongValueError(
            f'"{name}" is not a pattern for snapshots', 'write what follows the @, as in "autosnap_*"'
        )
    return name


def check_prefix(prefix: str) -> str:
    """How the names of our snapshots begin; the time in UTC follows."""
    if not _PREFIX.fullmatch(prefix) or len(prefix) > 100:
        raise WrongValueError(
            "this cannot begin a snapshot's name",
            'use letters, digits, "-", "_", "." and ":", at least one and at most 100: "zoffsite-home-"',
        )
    return prefix


def check_host(host: str) -> str:
    """A host name or an address; a leading dash would be read as an option by other programs."""
    if not _HOST.fullmatch(host) or host.startswith("-"):
        raise WrongValueError(f'"{host}" is not a host name or an address', 'write "10.77.0.2" or "box.example.org"')
    return host


def check_tunnel_address(address: str) -> str:
    """An address inside the tunnel, where only we choose: IPv4."""
    try:
        return str(IPv4Address(address))
    except AddressValueError:
        raise WrongValueError(
            f'"{address}" is not an IPv4 address', 'write one that no other net uses: "10.77.0.1"'
        ) from None


def check_user(user: str) -> str:
    """A login name."""
    if not _USER.fullmatch(user):
        raise WrongValueError(f'"{user}" is not a login name', 'write the user alone, as in "zoffsite"')
    return user


def _check_path(name: str, component: re.Pattern[str], what: str) -> None:
    if "@" in name or "#" in name:
        raise WrongValueError(f'"{name}" names a snapshot or a bookmark', "name the dataset alone, without @ and #")
    if name.startswith("/"):
        raise WrongValueError(
            f'"{name}" is a path', "name the dataset as `zfs list` shows it, without a slash in front"
        )
    parts = name.split("/")
    if not all(component.fullmatch(part) and part not in (".", "..") for part in parts):
        raise WrongValueError(f'"{name}" is not {what}', "name it as `zfs list` shows it")
    if len(name) > LONGEST_DATASET:
        raise WrongValueError(f"a name of {len(name)} characters", f"ZFS allows {LONGEST_DATASET}")
