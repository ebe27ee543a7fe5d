"""Which OpenZFS runs on a host, as `zfs version` says it."""

from __future__ import annotations

import re

from zoffsite.model.openzfs import Release, Versions
from zoffsite.zfs.malformed import MalformedError, malformed_answer

_LONGEST = 4096
_LINE = re.compile(
    r"zfs-(?P<kmod>kmod-)?v?(?P<numbers>[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4})(?:[-~]?rc(?P<rc>[0-9]{1,3}))?"
    r"(?P<rest>[-+~.:_A-Za-z0-9]{0,80})"
)
_UPSTREAM = re.compile(r"(-[0-9]+)?")


def parse_versions(text: str, host: str) -> Versions:
    """What `argv.version` answers: a line of the tools, and one of the module where it is loaded.

    Raises OperationError "malformed-answer". It may come from the box, so nothing but numbers is taken from it.
    """
    with malformed_answer(host, text):
        if len(text) > _LONGEST:
            raise MalformedError(f"more than {_LONGEST} characters")
        found = [_LINE.fullmatch(line) for line in text.splitlines()]
        tools = [_release(match) for match in found if match and not match["kmod"]]
        module = [_release(match) for match in found if match and match["kmod"]]
        if len(tools) != 1 or len(module) > 1 or None in found:
            raise MalformedError("not the versions of the tools and of the module")
        return Versions(tools=tools[0], module=module[0] if module else None)


def _release(match: re.Match[str]) -> Release:
    major, minor, patch = (int(number) for number in match["numbers"].split("."))
    packaged = _UPSTREAM.fullmatch(match["rest"]) is None
    rc = int(match["rc"]) if match["rc"] else None
    return Release(major=major, minor=minor, patch=patch, rc=rc, packaged=packaged)
