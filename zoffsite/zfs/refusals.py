"""Which snapshots stood in the way of all that were to be taken together.

`zfs snapshot` takes all or none. The kernel looks at each of them before it gives up, and libzfs says a line for each
that it refused; where a `snapshot_limit` is reached, the line names the dataset that has it.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_LINE = re.compile(r"cannot create snapshot '([^']+)': .+")


def refused_snapshots(stderr: str, full_names: Collection[str]) -> dict[str, str]:
    """Those of `full_names` that zfs names, each with what it says of it; empty where it names none."""
    found: dict[str, str] = {}
    for line in stderr.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        named = match[1]
        within = (name for name in full_names if named == name or _is_below(name, named))
        found |= dict.fromkeys(within, line)
    return found


def _is_below(full_name: str, dataset: str) -> bool:
    return full_name.startswith((f"{dataset}@", f"{dataset}/"))
