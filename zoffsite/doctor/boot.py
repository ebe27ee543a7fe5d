"""What the box starts from: its disk, TPM, Secure Boot, kernels; and whether it waits for a reboot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from shlex import quote

from zoffsite.doctor.case import SHOWN, Case, Side, Unseen
from zoffsite.doctor.read.blockdevices import system_encrypted, system_luks
from zoffsite.model.checkup import Finding
from zoffsite.zfs.excerpt import plain

BOOT = "docs/how-to/lock-the-boot-chain.md"
CHAIN = "/etc/zoffsite/boot/db.key"
KERNELS = "/usr/local/lib/zoffsite/kernels"
AUTOMATIC = "Unattended-Upgrade::Automatic-Reboot"
ON = re.compile(f'^{AUTOMATIC} "(true|yes|with|on|enable|1)";', re.MULTILINE | re.IGNORECASE)
"""As `apt-config dump` has it, and each word that apt takes for yes."""
NO_KERNEL = "there is no kernel in /lib/modules, or it may not be looked into"


def firmware(case: Case) -> Iterator[Finding | Unseen]:
    """The system disk, and what unlocks it."""
    side = case.box
    yield from _system_disk(side)
    yield _tpm(side)
    yield _secure_boot(side)


def _system_disk(side: Side) -> Iterator[Finding | Unseen]:
    text = side.text("disks")
    if text is None:
        yield side.unseen("system-disk", "disks")
        return
    encrypted = system_encrypted(text)
    if encrypted is None:
        yield side.blind("system-disk", "nothing that lsblk lists is mounted on /")
    elif not encrypted:
        yield side.warning("system-disk", "the system is not on an encrypted disk", f"install it on LUKS: {BOOT}")
    else:
        yield side.good("system-disk", "the system is on an encrypted disk")
        yield _recovery(side, system_luks(text))


def _recovery(side: Side, disk: str | None) -> Finding | Unseen:
    """What opens the system disk; a key of another disk does not."""
    if disk is None:
        return side.blind("recovery-slot", "no LUKS disk was named")
    text = side.text(f"slots {disk}")
    if text is None:
        return side.unseen("recovery-slot", f"slots {disk}")
    kinds = [line.split()[-1] for line in text.splitlines()[1:] if line.strip()]
    by_source = side.text("unlock") is not None
    remedy = "on the box: systemd-cryptenroll --recovery-key DISK; keep it on the source, not on the box"
    # One slot is the source's then, and looks like a passphrase.
    if sum(kind in ("recovery", "password") for kind in kinds) <= by_source:
        return side.critical("recovery-slot", "no recovery key opens the system disk", remedy)
    opened = ", ".join(sorted(set(kinds)))
    if by_source:
        return side.good("recovery-slot", f"opened by: {opened}; by the source, through the tunnel")
    if "tpm2" not in kinds:
        return side.warning("recovery-slot", "no TPM opens it: after a power cut somebody must type", BOOT)
    return side.good("recovery-slot", f"opened by: {opened}")


def _tpm(side: Side) -> Finding:
    version = (side.text("tpm") or "").strip()
    if version == "2":
        return side.good("tpm", "there is a TPM 2.0")
    if version == "1":
        return side.good("tpm", "there is a TPM 1.2, which systemd-cryptenroll cannot use")
    return side.good("tpm", "there is no TPM: nothing to look at")


def _secure_boot(side: Side) -> Finding | Unseen:
    if side.text("efi") is None:
        return side.good("secure-boot", "this machine does not start by UEFI: there is no Secure Boot to look at")
    if (side.text("secure-boot") or "").split() != ["1"]:
        return side.warning("secure-boot", "Secure Boot is off", f"turn it on with keys of your own: {BOOT}")
    wrong = _wrongly_signed(side) if _has_chain(side) else None
    if wrong is not None:
        return wrong
    if "[none]" in (side.text("lockdown") or "[none]"):
        return side.warning("secure-boot", "Secure Boot is on, but the kernel is not locked down", "lockdown=integrity")
    signer = (side.text("signer") or "").strip()
    if not signer:
        return side.critical("secure-boot", "the ZFS module is not signed: after a reboot it will not load", "sign it")
    return side.good("secure-boot", f"on, kernel locked down, ZFS module signed by {plain(signer, 60)}")


def _wrongly_signed(side: Side) -> Finding | Unseen | None:
    """What its own `kernels check` has to say; a signature alone may be of a key that the firmware does not know, as
    DKMS makes itself one."""
    answer = side.said.get("boot-chain")
    if answer is None or answer.code not in (0, 1):
        return side.unseen("secure-boot", "boot-chain")
    if answer.code == 0:
        return None
    what = f"what starts next is not as the firmware demands: {plain(answer.text, SHOWN)}"
    return side.critical("secure-boot", what, f"do not reboot; on {side.name}: {KERNELS} update")


def _has_chain(side: Side) -> bool:
    return CHAIN in (side.text("keys") or "")


def kernels(side: Side) -> Iterator[Finding | Unseen]:
    """The newest kernel has the ZFS module, and runs already."""
    running, listing = side.text("kernel"), side.text("kernels")
    if running is None or listing is None:
        yield side.unseen("next-kernel", "kernels" if running else "kernel")
        return
    installed = sorted({line.rpartition("/")[2] for line in listing.splitlines() if line}, key=_order)
    yield _next_kernel(side, installed)
    yield _reboot(side, running.strip(), installed)
    # The signed chain makes no kernel startable that has no ZFS module; without it nothing looks before a restart.
    if ON.search(side.text("automatic-reboot") or "") and not _has_chain(side):
        what = "it restarts by itself after updates, also into a kernel without the ZFS module"
        remedy = f'on {side.name}, in /etc/apt/apt.conf.d: {AUTOMATIC} "false";'
        yield side.warning("next-kernel", what, remedy, AUTOMATIC)


def _next_kernel(side: Side, installed: list[str]) -> Finding | Unseen:
    if not installed:
        return side.blind("next-kernel", NO_KERNEL)
    newest = installed[-1]
    modules, builtin = side.text("modules"), side.said.get("builtin")
    if newest in _releases(modules or ""):
        return side.good("next-kernel", f"the newest kernel, {plain(newest, 60)}, has the ZFS module")
    if modules is None:
        return side.unseen("next-kernel", "modules")
    # grep ends with 1 where no list has it; the kit of an older release does not ask.
    if builtin is not None and builtin.code not in (0, 1):
        return side.unseen("next-kernel", "builtin")
    if builtin is not None and newest in _releases(builtin.text):
        return side.good("next-kernel", f"ZFS is built into the newest kernel, {plain(newest, 60)}")
    what = f"the newest kernel, {plain(newest, 60)}, has no ZFS module"
    return side.critical("next-kernel", what, f"do not reboot; on {side.name}: dkms autoinstall -k {quote(newest)}")


def _releases(paths: str) -> set[str]:
    """The kernels that files below /lib/modules belong to."""
    return {line.removeprefix("/lib/modules/").partition("/")[0] for line in paths.splitlines()}


def _reboot(side: Side, running: str, installed: list[str]) -> Finding | Unseen:
    remedy = f"reboot {side.name} when no backup runs"
    if side.text("reboot") is not None:
        return side.warning("reboot", "updates wait for a reboot", remedy)
    if not installed:
        return side.blind("reboot", NO_KERNEL)
    if running not in installed:
        return side.warning("reboot", "the running kernel's modules are gone after an update", remedy)
    if installed[-1] != running:
        return side.warning("reboot", f"a newer kernel is installed: {plain(installed[-1], 60)}", remedy)
    return side.good("reboot", "nothing waits for one")


def _order(release: str) -> list[tuple[int, int, str]]:
    """As `sort -V`: 6.1.0-9 before 6.1.0-10."""
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"\d{1,9}|[^\d]+", release[:200])
    ]
