"""When the first stream begins to arrive: a probe in the box, where `zfs receive` hands its first record over."""

from __future__ import annotations

import time

from lab.guest import Guest

TRACING = "/sys/kernel/tracing"
CLOCK = "perl -MTime::HiRes=clock_gettime,CLOCK_MONOTONIC -e 'print clock_gettime(CLOCK_MONOTONIC)'"
BEGIN = f"""\
cd {TRACING}; echo mono >trace_clock
grep -q bench_receive kprobe_events || echo p:bench_receive zfs_ioc_recv_new >>kprobe_events
echo >trace; echo 1 >events/kprobes/bench_receive/enable; echo 1 >tracing_on
"""
END = f"cd {TRACING}; echo 0 >events/kprobes/bench_receive/enable; grep bench_receive: trace || true"


def begin(box: Guest) -> None:
    """Look from here."""
    box.run(BEGIN)


def end(box: Guest) -> float | None:
    """When it was, by this machine's `time.monotonic()`, to some hundredths of a second; None: nothing came."""
    lines = box.run(END).splitlines()
    return ours(stamp(lines[0]), box) if lines else None


def stamp(line: str) -> float:
    """Of a line of the kernel's trace: the field before the name of the event, in seconds."""
    return float(line.partition(": bench_receive:")[0].split()[-1])


def ours(theirs: float, guest: Guest) -> float:
    """The guest's clock in ours: both are asked at the same time, or nearly."""
    asked = time.monotonic()
    now = float(guest.run(CLOCK))
    return theirs - now + (asked + time.monotonic()) / 2
