"""What an image is made of, as values, and the hash that names the result.

Two layers, so that a change of a file does not compile OpenZFS again: `packages` (minutes, mmdebstrap and
DKMS) and `files` (seconds, written into the unpacked tree).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from lab.errors import LabError

SUITE: Final = "bookworm"
BACKPORTS: Final = f"{SUITE}-backports"

PACKAGES: Final = (
    "linux-image-amd64",
    "linux-headers-amd64",
    "zfs-dkms",
    "zfsutils-linux",
    "systemd-sysv",
    "udev",
    "kmod",
    "openssh-server",
    "iproute2",
    "iputils-ping",
    "nftables",
    "wireguard-tools",
    "procps",
    "sudo",
    "python3",
    "zstd",
    # What the peers in bench/ need beside their own code.
    "lzop",
    "mbuffer",
    "pv",
    "libcapture-tiny-perl",
    "libconfig-inifiles-perl",
)

# Runs in the new system. The compiler is needed once, for the module: keep the module, drop the rest.
FINISH: Final = r"""
set -eu
export DEBIAN_FRONTEND=noninteractive
kernel=$(ls /lib/modules)
built() { ls /lib/modules/"$kernel"/updates/dkms/zfs.ko* >/dev/null 2>&1; }
built || dkms autoinstall -k "$kernel"
built || { cat /var/lib/dkms/zfs/*/build/make.log >&2; exit 1; }
cp -a /lib/modules/"$kernel"/updates /var/tmp/updates
rm -rf /var/lib/dkms/zfs/*/*/*/log
apt-get purge -y --autoremove zfs-dkms dkms 'linux-headers-*' 'linux-kbuild-*' >/dev/null
mkdir -p /lib/modules/"$kernel"/updates
cp -a /var/tmp/updates/. /lib/modules/"$kernel"/updates/
rm -rf /var/tmp/updates
depmod "$kernel"

echo 'MODULES=list' >/etc/initramfs-tools/conf.d/lab
echo 'COMPRESS=zstd' >>/etc/initramfs-tools/conf.d/lab
printf '%s\n' virtio_pci virtio_blk ext4 crc32c_generic >>/etc/initramfs-tools/modules
update-initramfs -u -k "$kernel"

useradd --create-home --shell /bin/sh zoffsite
systemctl enable systemd-networkd.service ssh.service
systemctl disable apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    fstrim.timer e2scrub_reap.service getty@tty1.service \
    zfs-import-cache.service zfs-import-scan.service zfs-mount.service zfs-share.service \
    zfs-volume-wait.service zfs.target zfs-import.target systemd-networkd-wait-online.service \
    nftables.service systemd-pstore.service >/dev/null 2>&1 || true
rm -f /etc/ssh/ssh_host_*
ssh-keygen -q -t ed25519 -N '' -C lab -f /etc/ssh/ssh_host_ed25519_key
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old
"""

# Runs as root on the host: the unpacked packages and the files become a disk.
ASSEMBLE: Final = r"""
set -eu
PATH=$PATH:/usr/sbin:/sbin
packages=$1 scratch=$2 part=$3
mkdir "$scratch/root"
tar -x --zstd --numeric-owner --exclude='./dev/*' -f "$packages" -C "$scratch/root"
cp -R "$scratch/files/." "$scratch/root/"
chroot "$scratch/root" chown -R zoffsite:zoffsite /home/zoffsite
chmod 700 "$scratch/root/root" "$scratch/root/root/.ssh" "$scratch/root/home/zoffsite/.ssh"
cp "$scratch"/root/boot/vmlinuz-* "$part/vmlinuz"
cp "$scratch"/root/boot/initrd.img-* "$part/initrd"
rm -rf "$scratch"/root/boot/*
mke2fs -q -t ext4 -L lab -E lazy_itable_init=0,nodiscard -d "$scratch/root" "$part/disk.raw" 3G
rm -rf "$scratch/root"
chmod 444 "$part"/*
"""

SSHD: Final = """\
HostKey /etc/ssh/ssh_host_ed25519_key
ClientAliveInterval 15
ClientAliveCountMax 4
MaxSessions 100
MaxStartups 200:30:400
UseDNS no
PrintMotd no
"""

NETWORKS: Final = {"mgmt": "10.0.2.15/24", "uplink": "10.0.3.15/24", "wire": None}
MACS: Final = {"mgmt": "52:54:00:77:00:01", "uplink": "52:54:00:77:00:02", "wire": "52:54:00:77:00:03"}


def _files() -> dict[str, str]:
    files = {
        "etc/ssh/sshd_config.d/lab.conf": SSHD,
        "etc/hostname": "lab\n",
        "etc/hosts": "127.0.0.1 localhost\n10.77.0.1 source\n10.77.0.2 box\n",
        "etc/fstab": "",
        "etc/modules-load.d/lab.conf": "",
        "etc/systemd/journald.conf.d/lab.conf": "[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\n",
        "etc/sudoers.d/lab": "Defaults !fqdn\n",
    }
    for name, address in NETWORKS.items():
        files[f"etc/systemd/network/10-{name}.link"] = (
            f"[Match]\nMACAddress={MACS[name]}\n[Link]\nName={name}\nNamePolicy=\n"
        )
        if address is None:
            continue
        # A cut must look like silence on the way, not like a pulled plug: addresses and routes stay.
        files[f"etc/systemd/network/20-{name}.network"] = (
            f"[Match]\nName={name}\n[Link]\nRequiredForOnline=no\n[Network]\nDHCP=no\nIPv6AcceptRA=no\n"
            "LinkLocalAddressing=no\nConfigureWithoutCarrier=yes\nIgnoreCarrierLoss=yes\n"
            f"KeepConfiguration=yes\nAddress={address}\n"
        )
    return files


@dataclass(frozen=True)
class Recipe:
    """One image: a version of OpenZFS on Debian."""

    version: str
    suites: tuple[str, ...]
    pin: str
    packages: tuple[str, ...] = PACKAGES
    finish: str = FINISH
    assemble: str = ASSEMBLE
    files: Mapping[str, str] = field(default_factory=_files)

    @property
    def packages_key(self) -> str:
        """Names the slow layer."""
        facts = asdict(self)
        del facts["files"], facts["assemble"]
        return _digest(facts)

    @property
    def key(self) -> str:
        """Names the image."""
        return _digest(asdict(self))


def _digest(facts: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


RECIPES: Final[Mapping[str, Recipe]] = {
    "2.1": Recipe("2.1", suites=(SUITE,), pin=""),
    "2.3": Recipe(
        "2.3",
        suites=(SUITE, BACKPORTS),
        pin=f"Package: src:zfs-linux\nPin: release n={BACKPORTS}\nPin-Priority: 990\n",
    ),
}


def recipe(version: str) -> Recipe:
    """The recipe of an OpenZFS version such as "2.1"."""
    try:
        return RECIPES[version]
    except KeyError:
        known = " or ".join(RECIPES)
        raise LabError(f"choose OpenZFS {version}", "the lab has no such image", f"use {known}") from None
