"""One run of one tool, measured: seconds, CPU, and what it cost both guests in processes, connections and packets."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from bench import accounting, arrival
from bench.ground import Ground
from bench.tools import Tool, environment, sound
from lab.guest import Guest

ENDLESS = 1800


@dataclass(frozen=True, kw_only=True)
class Measured:
    """`seconds` of wall time, `cpu` of this machine's own; `load` is that of the machine just before it.

    `zfs_processes` on both guests together; `connections` to both sshds; `packets` on the box's delayed wire.
    `guest_cpu` of both guests, `source_cpu` of the one. `first`: seconds until the first stream arrived, if one did.
    """

    tool: str
    row: str
    at: str
    seconds: float
    cpu: float
    guest_cpu: float
    zfs_processes: int
    connections: int
    packets: int
    load: float
    source_cpu: float = 0.0
    first: float | None = None


def measure(ground: Ground, tool: Tool, row: str) -> Measured:
    """Run it once."""
    argv = tool.argv(ground)
    guests = ground.lab.guests
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(accounting.begin, guests))
    arrival.begin(ground.box)
    before = [_network(guest) for guest in guests]
    load, used, began = os.getloadavg()[0], _cpu(), time.monotonic()
    done = subprocess.run(
        argv, env=environment(ground), cwd=ground.folder, capture_output=True, text=True, timeout=ENDLESS, check=False
    )
    seconds, cpu = time.monotonic() - began, _cpu() - used
    arrived = arrival.end(ground.box)
    after = [_network(guest) for guest in guests]
    ran = [accounting.end(guest) for guest in guests]
    if done.returncode:
        raise SystemExit(f"{tool.name}: exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    sound(tool.name, done.stdout)
    return Measured(
        tool=tool.name,
        row=row,
        at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        seconds=round(seconds, 3),
        cpu=round(cpu, 3),
        guest_cpu=round(sum(each.cpu for each in ran), 2),
        zfs_processes=sum(each.zfs for each in ran),
        connections=sum(late[0] - early[0] for early, late in zip(before, after, strict=True)),
        packets=after[1][1] - before[1][1],
        load=round(load, 1),
        source_cpu=round(ran[0].cpu, 2),
        first=None if arrived is None else round(arrived - began, 2),
    )


def _cpu() -> float:
    """Of the programs that this process has started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _network(guest: Guest) -> tuple[int, int]:
    """Connections taken so far, and packets on the uplink, both ways."""
    lines = guest.run("grep ^Tcp: /proc/net/snmp; cat /sys/class/net/uplink/statistics/?x_packets").splitlines()
    passive = int(lines[1].split()[lines[0].split().index("PassiveOpens")])
    return passive, int(lines[2]) + int(lines[3])
