"""QEMU's command line. The machine is the same for every guest, or a saved state would not load."""

from __future__ import annotations

import functools
import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.image import Image
from lab.recipe import MACS

MEMORY_MIB: Final = 1536
"""Half of it may be the cache of ZFS. With 1024, a guest that had borne a whole session ran out of it once."""
CPUS: Final = {"kvm": 2, "tcg": 1}
"""Emulated, a second processor costs more in telling the other of its changes than it brings beside other guests."""
BINARY: Final = "qemu-system-x86_64"
CONTROL: Final = ("-qmp", "unix:qmp,server=on,wait=off")
APPEND: Final = (
    "root=/dev/vda rw console=ttyS0 quiet mitigations=off net.ifnames=1 systemd.show_status=no nokaslr "
    # Defences that cost a tenth of an emulated processor.
    "init_on_alloc=0 hardened_usercopy=off randomize_kstack_offset=off"
)


@dataclass(frozen=True)
class Ports:
    """Ports of the host's loopback that lead to a guest's sshd."""

    mgmt: int
    uplink: int


@functools.cache
def version() -> str:
    """The first line QEMU prints about itself."""
    done = subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]


def memory_private(file: Path) -> list[str]:
    """Memory that begins as a saved one and is not written back: nothing is copied before it is touched."""
    return ["-object", f"memory-backend-file,id=ram,size={MEMORY_MIB}M,mem-path={_escape(file)},share=off"]


def memory_shared(file: Path) -> list[str]:
    """Memory that is a file: how a state is saved."""
    return ["-object", f"memory-backend-file,id=ram,size={MEMORY_MIB}M,mem-path={_escape(file)},share=on"]


def memory_blank() -> list[str]:
    """Ordinary memory, for a cold boot."""
    return ["-object", f"memory-backend-ram,id=ram,size={MEMORY_MIB}M"]


def processor(name: str, accel: str) -> list[str]:
    """How every command line begins: nothing that was not asked for, and the processor."""
    # A fifth level of page tables makes each miss of the emulated TLB longer.
    kind, model = ("tcg,thread=multi", "max,la57=off") if accel == "tcg" else (accel, "host")
    quiet = ["-nodefaults", "-no-user-config", "-display", "none"]
    return [BINARY, "-name", name, *quiet, "-accel", kind, "-cpu", model]


def machine(accel: str, image: Image, wire: tuple[str, str], ports: Ports) -> list[str]:
    """Everything but the memory. Paths without a folder are in the guest's own, QEMU's working directory."""
    here, there = wire
    argv = [*processor("lab", accel), "-smp", str(CPUS[accel]), "-m", f"{MEMORY_MIB}M"]
    argv += ["-machine", "pc,memory-backend=ram", "-rtc", "base=utc,clock=host"]
    argv += ["-kernel", str(image.kernel), "-initrd", str(image.initrd), "-append", APPEND]
    argv += ["-serial", "file:console.log", *CONTROL]
    argv += (
        _disk("root", "root.qcow2", "qcow2") + _disk("data1", "data1.raw", "raw") + _disk("data2", "data2.raw", "raw")
    )
    argv += _user_net("mgmt", "10.0.2", ports.mgmt) + _user_net("uplink", "10.0.3", ports.uplink)
    argv += ["-netdev", f"dgram,id=wire,local.type=unix,local.path={here},remote.type=unix,remote.path={there}"]
    argv += ["-device", f"virtio-net-pci,netdev=wire,mac={MACS['wire']},romfile="]
    # A guest that wakes from a saved state must not repeat another's random numbers.
    argv += ["-device", "vmgenid,guid=auto", "-object", "rng-random,id=rng,filename=/dev/urandom"]
    return [*argv, "-device", "virtio-rng-pci,rng=rng"]


def state_key(accel: str, image: Image, settle: str) -> str:
    """Names the saved state that fits this QEMU, this machine and this image."""
    shape = machine(accel, image, ("here", "there"), Ports(0, 0))
    host = Path("/proc/cpuinfo").read_text().partition("\n\n")[0] if accel == "kvm" else ""
    model = [line for line in host.splitlines() if line.startswith(("model", "flags", "stepping"))]
    return hashlib.sha256("\0".join([version(), image.key, settle, *shape, *model]).encode()).hexdigest()[:12]


def _disk(name: str, file: str, kind: str) -> list[str]:
    # "unsafe" leaves out fsync on the host only. What the guest saw written is in the host's page cache, which
    # outlives QEMU: pulling the plug loses what the guest had not written yet, as on a real disk.
    drive = f"if=none,id={name},file={file},format={kind},cache=unsafe,discard=unmap,detect-zeroes=off"
    return ["-drive", drive, "-device", f"virtio-blk-pci,drive={name},serial={name}"]


def _user_net(name: str, net: str, port: int) -> list[str]:
    forward = f"hostfwd=tcp:127.0.0.1:{port}-{net}.15:22"
    return [
        "-netdev",
        f"user,id={name},net={net}.0/24,host={net}.2,dhcpstart={net}.15,dns={net}.3,ipv6=off,{forward}",
        "-device",
        f"virtio-net-pci,netdev={name},mac={MACS[name]},romfile=",
    ]


def _escape(path: Path) -> str:
    return str(path).replace(",", ",,")
