"""What the systems of these guests are made of, and how it becomes the parts of a disk."""

from __future__ import annotations

from typing import Final

from lab.recipe import RECIPES as OF_THE_LAB
from lab.recipe import SUITE, Recipe

_COMMON: Final = (
    "linux-image-amd64",
    "linux-kbuild-6.1",
    "zfsutils-linux",
    "systemd-sysv",
    "udev",
    "kmod",
    "openssh-server",
    "iproute2",
    "procps",
    "zstd",
    # What the kit's page on the boot chain asks for.
    "cryptsetup-bin",
    "systemd-boot",
    "systemd-boot-efi",
    "sbsigntool",
    "efitools",
    "binutils",
    "openssl",
    "tpm2-tools",
)

_TUNNEL: Final = ("wireguard-tools", "nftables")

PACKAGES: Final = {
    "boot": (*_COMMON, "dracut"),
    # Without a TPM 2.0: initramfs-tools, and both ends of the kit's tunnel.
    "unlock": (*_COMMON, "initramfs-tools", "busybox", "cryptsetup-initramfs", "dropbear-initramfs", *_TUNNEL),
}
"""By the name of the image."""

_INITRDS: Final = {
    "boot": r"""
cat >/etc/dracut.conf.d/lab.conf <<'END'
hostonly=no
drivers=" virtio_blk virtio_pci ext4 dm_crypt xts aesni_intel sha256_generic crc32c_generic tpm_tis tpm_crb "
omit_dracutmodules+=" i18n lvm mdraid multipath dmraid btrfs plymouth network bluetooth nvdimm resume warpclock rngd "
add_dracutmodules+=" systemd-pcrphase tpm2-tss crypt "
END
rm -f /boot/initrd.img-*
dracut --force /boot/initrd.img-"$kernel" "$kernel"
""",
    # This one knows no disk yet: it is made anew in the machine.
    "unlock": r"""
printf 'MODULES=list\nCOMPRESS=zstd\n' >/etc/initramfs-tools/conf.d/lab
printf '%s\n' virtio_pci virtio_blk virtio_net ext4 crc32c_generic dm_crypt xts aesni_intel sha256_generic \
    >>/etc/initramfs-tools/modules
""",
}

_BEGIN: Final = r"""
set -eu
export DEBIAN_FRONTEND=noninteractive
kernel=$(ls /lib/modules)
# Where the kernel's headers, which need a compiler, would have it.
mkdir -p /usr/lib/modules/"$kernel"/build
ln -s /usr/lib/linux-kbuild-6.1/scripts /usr/lib/modules/"$kernel"/build/scripts
"""

_FINISH: Final = r"""
systemctl enable systemd-networkd.service ssh.service
systemctl disable apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    fstrim.timer e2scrub_reap.service getty@tty1.service zfs-import-cache.service zfs-import-scan.service \
    zfs-mount.service zfs-share.service zfs-volume-wait.service zfs.target zfs-import.target \
    systemd-networkd-wait-online.service systemd-pstore.service >/dev/null 2>&1 || true
rm -f /etc/ssh/ssh_host_*
ssh-keygen -q -t ed25519 -N '' -C lab -f /etc/ssh/ssh_host_ed25519_key
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old
"""

LAB: Final = OF_THE_LAB["2.1"]

# Runs as root on the host: the unpacked packages and the files become a file system, which is encrypted later. OpenZFS
# was compiled for the lab's image, and is taken from there.
_ASSEMBLE: Final = (
    rf"""
set -eu
PATH=$PATH:/usr/sbin:/sbin
packages=$1 scratch=$2 part=$3
compiled=${{packages%/*}}/packages-{LAB.version}-{LAB.packages_key}.tar.zst
"""
    + r"""
mkdir "$scratch/root"
tar -x --zstd --numeric-owner --exclude='./dev/*' -f "$packages" -C "$scratch/root"
cp -R "$scratch/files/." "$scratch/root/"
kernel=$(ls "$scratch/root/lib/modules")
tar -x --zstd --numeric-owner -f "$compiled" -C "$scratch/root" "./usr/lib/modules/$kernel/updates" || {
    echo "the lab's image has another kernel than $kernel; next: rm $compiled; scripts/lab build" >&2
    exit 1
}
chroot "$scratch/root" depmod "$kernel"
mkdir -p "$scratch/root/boot/efi"
chmod 700 "$scratch/root/root" "$scratch/root/root/.ssh"
cp "$scratch"/root/boot/vmlinuz-* "$part/vmlinuz"
cp "$scratch"/root/boot/initrd.img-* "$part/initrd"
cp "$scratch"/root/usr/lib/systemd/boot/efi/linuxx64.efi.stub "$part/stub"
mke2fs -q -t ext4 -L lab -E lazy_itable_init=0,nodiscard -d "$scratch/root" "$part/disk.raw" 1536M
rm -rf "$scratch/root"
chmod 444 "$part"/*
"""
)


# Said on the console by nobody else in time: a busy machine gives up on its terminal after a minute and a half.
_UP: Final = """\
[Unit]
After=ssh.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo The lab is up. >/dev/console'
"""


def _files() -> dict[str, str]:
    """Those of the lab's machines, without the NICs that these have not."""
    common = LAB.files
    files = {path: text for path, text in common.items() if "network/" not in path or "mgmt" in path}
    return {
        **files,
        "etc/fstab": "/dev/mapper/root / ext4 defaults 0 0\nLABEL=ESP /boot/efi vfat umask=0077 0 0\n",
        "etc/hosts": "127.0.0.1 localhost\n",
        "etc/systemd/system/lab-up.service": _UP,
        "etc/systemd/system/ssh.service.d/lab.conf": "[Unit]\nWants=lab-up.service\n",
        # Minutes in an emulated machine: OpenZFS tries all its ways to compute when it is loaded, and each variable of
        # the firmware is read through its System Management Mode. An empty unit is a masked one.
        "etc/modules-load.d/zfs.conf": "",
        "etc/systemd/system/modprobe@efi_pstore.service": "",
    }


RECIPES: Final = {
    name: Recipe(
        name,
        suites=(SUITE,),
        pin="",
        packages=packages,
        finish=_BEGIN + _INITRDS[name] + _FINISH,
        assemble=_ASSEMBLE,
        files=_files(),
    )
    for name, packages in PACKAGES.items()
}
