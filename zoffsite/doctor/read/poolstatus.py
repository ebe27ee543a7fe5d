"""`zpool status -p`, with the time in UTC: measured with OpenZFS 2.1.11 and 2.3.2."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

_ENDED = re.compile(r"^scrub repaired .* on (\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4})")
_DEVICE = re.compile(r"^\t +(\S+) +([A-Z]+) +(\d+) +(\d+) +(\d+)")
GOOD = "No known data errors"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStatus:
    """One pool. `troubles` are devices that are not well, in words; `scrubbed` when the last scrub ended."""

    name: str
    state: str
    scrubbed: datetime | None
    scrubbing: bool
    errors: str
    troubles: tuple[str, ...]

    @property
    def unharmed(self) -> bool:
        """True where no data is known to be lost."""
        return self.errors == GOOD


def pool_statuses(text: str) -> tuple[PoolStatus, ...]:
    """One for each pool."""
    parts = re.split(r"(?m)^ +pool: ", text)[1:]
    if not parts:
        raise ValueError("not what zpool status prints")
    return tuple(_one(part) for part in parts)


def _one(part: str) -> PoolStatus:
    name, _, rest = part.partition("\n")
    fields = dict(re.findall(r"(?m)^ *(state|scan|errors): (.*)$", rest))
    scan = fields.get("scan", "")
    ended = _ENDED.match(scan)
    return PoolStatus(
        name=name.strip(),
        state=fields.get("state", "?").strip(),
        scrubbed=datetime.strptime(ended[1], "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC) if ended else None,
        scrubbing=scan.startswith(("scrub in progress", "resilver in progress")),
        errors=fields.get("errors", "?").strip(),
        troubles=tuple(_troubles(rest)),
    )


def _troubles(text: str) -> list[str]:
    found = []
    for line in text.splitlines():
        device = _DEVICE.match(line)
        if device and (device[2] not in ("ONLINE", "AVAIL") or any(int(count) for count in device.groups()[2:])):
            found.append(f"{device[1]} {device[2]} ({device[3]} read, {device[4]} write, {device[5]} checksum errors)")
    return found
