"""KVM where it really works, software emulation elsewhere: by trying, not by looking for /dev/kvm.

There are machines whose /dev/kvm accepts a virtual machine in which a stock kernel then hangs. So the lab boots its
own kernel without a disk: where KVM works it panics about the missing root and restarts, which ends QEMU, in a second
or two.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Final

from lab import paths, qemu
from lab.errors import LabError
from lab.image import Image

BOUND_S: Final = 15.0


def choose(image: Image) -> str:
    """ "kvm" or "tcg"; ZOFFSITE_LAB_ACCEL forces either. What was found holds until the host boots again."""
    forced = os.environ.get("ZOFFSITE_LAB_ACCEL")
    if forced:
        if forced not in ("kvm", "tcg"):
            raise LabError("choose an accelerator", f"ZOFFSITE_LAB_ACCEL is {forced!r}", "set it to kvm or tcg")
        return forced
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    fact = hashlib.sha256(f"{boot}{qemu.version()}{image.key}".encode()).hexdigest()[:12]
    known = paths.cache() / f"accel-{fact}"
    if not known.exists():
        for old in paths.cache().glob("accel-*"):
            old.unlink(missing_ok=True)
        known.write_text("kvm" if kvm_works(image) else "tcg")
    return known.read_text()


def kvm_works(image: Image, bound: float = BOUND_S) -> bool:
    """Whether the lab's kernel reaches its end under KVM."""
    argv = ["setpriv", "--pdeathsig", "KILL", qemu.BINARY, "-nodefaults", "-no-user-config", "-display", "none"]
    argv += ["-accel", "kvm", "-cpu", "host", "-m", "256", "-smp", str(qemu.CPUS["kvm"]), "-no-reboot"]
    argv += ["-kernel", str(image.kernel), "-append", "panic=-1 quiet mitigations=off"]
    try:
        return subprocess.run(argv, capture_output=True, timeout=bound, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False
