"""Two real ZFS machines under QEMU: for the tests, the demo, the benchmarks and by hand."""

from __future__ import annotations

from lab.errors import LabError
from lab.guest import Guest
from lab.lab import Lab
from lab.shell import Result

__all__ = ["Guest", "Lab", "LabError", "Result"]
