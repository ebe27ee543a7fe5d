"""What a user without root needs: which delegated permissions each verb takes, and who has which; zfs-allow(8)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from zoffsite.zfs.malformed import MalformedError, malformed_answer

SOURCE_PERMISSIONS = ("bookmark", "destroy", "hold", "mount", "release", "send", "snapshot")
"""For the source side, on each dataset of the job. `destroy` is for pruning, and needs `mount`; holds last as long as a
send."""

BOX_PERMISSIONS = ("create", "destroy", "mount", "receive")
"""For the box side, on the root. `destroy` is for pruning, and for aborting a receive that cannot be resumed."""

_BY_VERB = {
    "snapshot": ("mount", "snapshot"),
    "send": ("send",),
    "prove": ("send",),
    "hold": ("hold", "release"),
    "release": ("hold", "release"),
    "bookmark": ("bookmark",),
    "destroy": ("destroy", "mount"),
    "prune": ("destroy", "mount"),
    "receive": ("create", "mount", "receive"),
    "abort": ("destroy", "mount"),
}

_SCOPES = {
    "Local permissions:": (True, False),
    "Descendent permissions:": (False, True),
    "Local+Descendent permissions:": (True, True),
}
_HEADER = re.compile(r"---- Permissions on (.+?) -+")
_GRANT = re.compile(r"\t(?:(user|group) (\S+)|(everyone)) (\S+)")
_MAX_LINES = 2_000
_MAX_LINE = 8_192
_MAX_NAMES = 500
"""Permissions of one grant, sets resolved: zfs knows about a hundred names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One line of `zfs allow`: `who` may use `permissions` on `dataset` itself (`local`), below it, or both.

    `kind` is user, group or everyone; `who` is a name, or a number where the name is unknown, and empty for everyone.
    """

    dataset: str
    kind: str
    who: str
    permissions: frozenset[str]
    local: bool
    descendent: bool


def permissions_for(operation: str) -> tuple[str, ...]:
    """What `operation` takes ("snapshot", "abort the receive of" …); empty where it is no verb that takes any."""
    return next((_BY_VERB[word] for word in operation.split() if word in _BY_VERB), ())


def allow_line(user: str, permissions: Collection[str], dataset: str) -> str:
    """The command that grants `permissions`, ready to be typed by root."""
    return shlex.join(["zfs", "allow", "-u", user, ",".join(permissions), dataset])


def parse_allow(text: str, host: str) -> tuple[Grant, ...]:
    """The grants that `argv.allow` shows, those of the parents included. Raises OperationError "malformed-answer".

    What a permission set (`@name`) holds is among a grant's permissions, beside its name.
    """
    with malformed_answer(host, text):
        if text.count("\n") > _MAX_LINES:
            raise MalformedError(f"more than {_MAX_LINES} lines")
    lines = text.split("\n")
    for line in lines:
        with malformed_answer(host, line):
            if len(line) > _MAX_LINE:
                raise MalformedError(f"a line of more than {_MAX_LINE} characters")
    return tuple(_grants(lines, host))


def allowed(grants: Collection[Grant], user: str, dataset: str) -> frozenset[str]:
    """What `user` may do with `dataset` by their own name or as one of everyone; groups are not looked up."""
    return frozenset(
        permission
        for grant in grants
        if grant.kind == "everyone" or (grant.kind == "user" and grant.who == user)
        if (grant.local and grant.dataset == dataset) or (grant.descendent and dataset.startswith(grant.dataset + "/"))
        for permission in grant.permissions
    )


def _grants(lines: list[str], host: str) -> Iterator[Grant]:
    sets = _sets(lines)
    dataset, scope = "", (False, False)
    for line in lines:
        if header := _HEADER.fullmatch(line):
            dataset, scope = header[1], (False, False)
        elif not line.startswith("\t"):
            scope = _SCOPES.get(line, (False, False))
        elif any(scope):
            with malformed_answer(host, line):
                yield _grant(dataset, line, scope, sets)


def _grant(dataset: str, line: str, scope: tuple[bool, bool], sets: dict[str, frozenset[str]]) -> Grant:
    found = _GRANT.fullmatch(line)
    if found is None or not dataset:
        raise MalformedError("not a line of zfs allow")
    kind, who, everyone, permissions = found.groups()
    return Grant(
        dataset=dataset,
        kind=everyone or kind,
        who=who or "",
        permissions=_resolve(frozenset(permissions.split(",")), sets),
        local=scope[0],
        descendent=scope[1],
    )


def _sets(lines: list[str]) -> dict[str, frozenset[str]]:
    """The permission sets by name. A set of a parent is shown after the child that uses it, so they are read first.

    A name that is defined on several datasets means the sum here: this is for advice, zfs itself decides.
    """
    sets: dict[str, frozenset[str]] = {}
    for line in lines:
        if line.startswith("\t@"):
            name, _, permissions = line[1:].partition(" ")
            sets[name] = sets.get(name, frozenset()) | frozenset(permissions.split(","))
    return sets


def _resolve(names: frozenset[str], sets: dict[str, frozenset[str]]) -> frozenset[str]:
    """`names` with the contents of the sets among them, and of the sets in those."""
    found: set[str] = set()
    new = set(names)
    while new:
        found |= new
        if len(found) > _MAX_NAMES:
            raise MalformedError(f"more than {_MAX_NAMES} permissions")
        new = {inner for name in new for inner in sets.get(name, ())} - found
    return frozenset(found)
