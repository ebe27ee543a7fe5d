"""The boot chain's hooks: after each update what is new is signed, or a kernel without its pool is not started.

None does anything before `secure-boot keys` has made keys: a box may go without. docs/how-to/lock-the-boot-chain.md.
"""

from __future__ import annotations

from zoffsite.box.entry import Entry, Files
from zoffsite.box.parts import script
from zoffsite.box.spec import LIBRARY

KEY = "/etc/zoffsite/boot/db.key"
SCRIPTS = ("boot-chain", "kernels", "secure-boot", "tpm")

# run-parts calls it with the kernel's version. In the middle of an update a module may still be missing: what counts
# is what apt's hook says at its end.
_KERNEL = f"""\
#!/bin/sh
[ ! -s {KEY} ] || {LIBRARY}/kernels update || true
"""

# Everything is configured then: kernel, headers, DKMS's modules, initrd. That it fails is shown and mailed.
_APT = f"""\
DPkg::Post-Invoke {{ "[ ! -s {KEY} ] || {LIBRARY}/kernels update"; }};
"""

_PACMAN = f"""\
[Trigger]
Operation = Install
Operation = Upgrade
Operation = Remove
Type = Path
Target = usr/lib/modules/*
Target = usr/lib/initcpio/*
Target = usr/lib/systemd/boot/efi/*
Target = usr/src/zfs-*

[Action]
Description = Signing what the box may start, and its ZFS modules...
When = PostTransaction
Exec = /bin/sh -c '[ ! -s {KEY} ] || {LIBRARY}/kernels update'
"""

# systemd-boot's own way lays unsigned kernels beside the signed files, and would start them.
_LOADER_ENTRY = f"""\
#!/bin/sh
[ -s {KEY} ] || exec /usr/lib/kernel/install.d/90-loaderentry.install "$@"
"""

_DRACUT = f"""\
# The TPM opens the disk only where the initrd measures that it is entered, and left.
[[ ! -s {KEY} ]] || add_dracutmodules+=" systemd-pcrphase tpm2-tss crypt "
"""


def boot_files() -> Files:
    """By path on the box."""
    programs = {f"{LIBRARY}/{name}": Entry(text=script(name), mode=0o755) for name in SCRIPTS}
    return {
        **programs,
        "/etc/kernel/postinst.d/zz-zoffsite": Entry(text=_KERNEL, mode=0o755),
        "/etc/kernel/postrm.d/zz-zoffsite": Entry(text=_KERNEL, mode=0o755),
        "/etc/kernel/install.d/90-loaderentry.install": Entry(text=_LOADER_ENTRY, mode=0o755),
        "/etc/apt/apt.conf.d/90zoffsite": Entry(text=_APT),
        "/etc/pacman.d/hooks/zz-zoffsite.hook": Entry(text=_PACMAN),
        "/etc/dracut.conf.d/zoffsite.conf": Entry(text=_DRACUT),
    }
