"""`wg show INTERFACE endpoints`: where the other end of a tunnel was seen."""

from __future__ import annotations

import ipaddress


def other_addresses(text: str) -> tuple[str, ...]:
    """The addresses, without their ports; `(none)` where the other end was never seen."""
    found = []
    for line in text.splitlines():
        _, _, endpoint = line.partition("\t")
        if endpoint and endpoint != "(none)":
            found.append(str(ipaddress.ip_address(endpoint.rpartition(":")[0].strip("[]"))))
    return tuple(dict.fromkeys(found))
