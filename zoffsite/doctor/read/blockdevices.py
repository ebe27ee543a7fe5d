"""`lsblk -J -o PATH,TYPE,FSTYPE,MOUNTPOINT`: is the system on an encrypted disk?"""

from __future__ import annotations

import json
from typing import Any


def system_encrypted(text: str) -> bool | None:
    """Whether what is mounted on / lies inside a dm-crypt device; None where no device is mounted there."""
    tree: Any = json.loads(text)
    devices = tree.get("blockdevices") if isinstance(tree, dict) else None
    if not isinstance(devices, list):
        raise ValueError("not what lsblk prints")  # noqa: TRY004 - all that is wrong with an answer is a ValueError
    return _root(devices, inside=False)


def _root(devices: list[Any], *, inside: bool) -> bool | None:
    for each in devices:
        if not isinstance(each, dict):
            raise ValueError("not what lsblk prints")  # noqa: TRY004
        here = inside or each.get("type") == "crypt"
        if each.get("mountpoint") == "/":
            return here
        found = _root(each.get("children") or [], inside=here)
        if found is not None:
            return found
    return None
