"""`lsblk -J -o PATH,TYPE,FSTYPE,MOUNTPOINT`: is the system on an encrypted disk, and on which?"""

from __future__ import annotations

import json
from typing import Any


def system_encrypted(text: str) -> bool | None:
    """Whether what is mounted on / lies inside a dm-crypt device; None where no device is mounted there."""
    above = _down_to_root(_devices(text))
    return None if above is None else any(each.get("type") == "crypt" for each in above)


def system_luks(text: str) -> str | None:
    """The LUKS device nearest to /, as `system_disk` of the kit's boot-chain has it."""
    above = _down_to_root(_devices(text)) or []
    found = [str(each.get("path")) for each in above if each.get("fstype") == "crypto_LUKS"]
    return found[-1] if found else None


def _devices(text: str) -> list[Any]:
    tree: Any = json.loads(text)
    devices = tree.get("blockdevices") if isinstance(tree, dict) else None
    if not isinstance(devices, list):
        raise ValueError("not what lsblk prints")  # noqa: TRY004 - all that is wrong with an answer is a ValueError
    return devices


def _down_to_root(devices: list[Any]) -> list[dict[str, Any]] | None:
    """Each device within which the next one lies; the last is mounted on /."""
    for each in devices:
        if not isinstance(each, dict):
            raise ValueError("not what lsblk prints")  # noqa: TRY004
        if each.get("mountpoint") == "/":
            return [each]
        below = _down_to_root(each.get("children") or [])
        if below is not None:
            return [each, *below]
    return None
