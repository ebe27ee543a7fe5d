"""`smartctl -j -H -A`: what a disk says of itself; smartmontools 7.0 and later."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

ATTRIBUTES = {5: "reallocated", 187: "uncorrectable", 197: "pending", 198: "unreadable"}
"""Counts of sectors whose growth goes before a failure, by their ATA number."""
WORN = 90
"""Percent of an SSD's rated life."""
_NOT_OPENED = re.compile(r"Smartctl open device: .* failed: (.+)")
"""smartctl.cpp. A disk that sleeps has the same exit status, and another message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaints:
    """`failing`: the disk itself expects to fail."""

    failing: bool
    words: tuple[str, ...]


def complaints(text: str) -> Complaints | None:
    """What speaks against a disk; None where it says nothing (no SMART, asleep, not opened)."""
    tree: Any = json.loads(text)
    if not isinstance(tree, dict):
        raise ValueError("not an object of JSON")  # noqa: TRY004 - all that is wrong with an answer is a ValueError
    passed = _in(tree, "smart_status", "passed")
    if not isinstance(passed, bool):
        return None
    words = ["it expects to fail"] if not passed else []
    table = _in(tree, "ata_smart_attributes", "table")
    for row in table if isinstance(table, list) else []:
        count = _in(row, "raw", "value")
        number = _in(row, "id")
        name = ATTRIBUTES.get(number) if isinstance(number, int) else None
        if name and isinstance(count, int) and count:
            words.append(f"{count} {name} sectors")
    log = "nvme_smart_health_information_log"
    for key, most, name in (("media_errors", 0, "media errors"), ("percentage_used", WORN, "% of its life used")):
        value = _in(tree, log, key)
        if isinstance(value, int) and value > most:
            words.append(f"{value} {name}")
    return Complaints(failing=not passed, words=tuple(words))


def not_opened(text: str) -> str | None:
    """Why smartctl could not even open the disk; None where it could, or where the disk sleeps."""
    messages = _in(json.loads(text), "smartctl", "messages")
    for each in messages if isinstance(messages, list) else []:
        found = _NOT_OPENED.match(str(_in(each, "string")))
        if found:
            return found[1]
    return None


def _in(tree: Any, *keys: str) -> Any:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree
