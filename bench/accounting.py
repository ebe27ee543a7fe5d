"""Which programs a guest has run: Linux's process accounting, acct(5), one record of 64 bytes for each that ended."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass

from lab.guest import Guest

FILE = "/run/bench.acct"
ACCT = 163
"""The number of acct(2) on x86-64; the guests have perl-base, and no accton."""
RECORD = struct.Struct("<BBHIIIIIIf8H16s")
TICKS = 100


@dataclass(frozen=True)
class Ran:
    """Programs by name, and the seconds of CPU that all of them took."""

    programs: Counter[str]
    cpu: float

    @property
    def zfs(self) -> int:
        """Processes that asked ZFS for something."""
        return sum(self.programs[name] for name in ("zfs", "zpool", "zstream"))


def begin(guest: Guest) -> None:
    """Count from here."""
    guest.run(f": >{FILE}; perl -e 'syscall({ACCT}, my $file = \"{FILE}\") and die $!'")


def end(guest: Guest) -> Ran:
    """What ran since `begin`."""
    guest.run(f"perl -e 'syscall({ACCT}, 0) and die $!'")
    data = guest.get(FILE)
    programs: Counter[str] = Counter()
    cpu = 0.0
    for at in range(0, len(data) - RECORD.size + 1, RECORD.size):
        fields = RECORD.unpack_from(data, at)
        programs[fields[-1].partition(b"\0")[0].decode(errors="replace")] += 1
        cpu += (ticks(fields[10]) + ticks(fields[11])) / TICKS
    return Ran(programs, cpu)


def ticks(short: int) -> int:
    """comp_t: 13 bits, and 3 bits of an exponent of 8."""
    return (short & 0x1FFF) << ((short >> 13) * 3)
