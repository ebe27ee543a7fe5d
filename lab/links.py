"""What can happen to a wire: cut without a word, slow, narrow."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from lab import qmp

Nic = Literal["uplink", "wire"]
NICS: Final[tuple[Nic, ...]] = ("uplink", "wire")


def set_up(folder: Path, nic: Nic, up: bool) -> None:
    """Cut or mend a wire: frames vanish, nobody gets a FIN or a reset."""
    qmp.execute(folder, ("set_link", {"name": nic, "up": up}))


def delay_script(nic: Nic, ms: float, kbit: int | None) -> str:
    """Both directions: half the round trip each, and the rate limit each. The way in goes by an ifb device."""
    if not ms and not kbit:
        return undelay_script(nic)
    rate = f" rate {kbit}kbit" if kbit else ""
    netem = f"netem limit 20000 delay {ms / 2:g}ms{rate}"
    return (
        f"set -e; ip link show in-{nic} >/dev/null 2>&1 || ip link add in-{nic} type ifb; ip link set in-{nic} up\n"
        f"tc qdisc replace dev {nic} root {netem}; tc qdisc replace dev in-{nic} root {netem}\n"
        f"tc qdisc replace dev {nic} ingress\n"
        f"tc filter replace dev {nic} ingress prio 1 handle 1 matchall action mirred egress redirect dev in-{nic}\n"
    )


def undelay_script(nic: Nic) -> str:
    """Back to full speed."""
    return (
        f"if [ -e /sys/class/net/in-{nic} ]; then tc qdisc del dev {nic} root; tc qdisc del dev {nic} ingress; "
        f"ip link del in-{nic}; fi\n"
    )
