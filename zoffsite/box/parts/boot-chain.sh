# shellcheck shell=sh
# What the scripts of the boot chain share: where things lie, and the few questions that all of them ask.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH LC_ALL=C
boot=/etc/zoffsite/boot
efivars=/sys/firmware/efi/efivars
global=8be4df61-93ca-11d2-aa0d-00e098032b8c

say() { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { warn "$*"; exit 1; }
usage() { sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0" >&2; exit 2; }

# need PROGRAM… : all of them, or the packages that have them.
need() {
    [ "$(id -u)" -eq 0 ] || die "run it as root"
    for each in "$@"; do
        command -v "$each" >/dev/null 2>&1 || die "there is no $each here; next, on Debian: apt-get install dracut \
cryptsetup-bin systemd-boot systemd-boot-efi sbsigntool efitools binutils openssl tpm2-tools; on Arch Linux: pacman -S \
systemd-ukify sbsigntools efitools openssl tpm2-tools linux-headers"
    done
}

have_keys() { [ -s "$boot/db.key" ] || die "there are no keys yet; next: ${0%/*}/secure-boot keys"; }

# firmware SecureBoot|SetupMode : whether the firmware says 1.
firmware() { [ "$(od -An -tu1 -j4 "$efivars/$1-$global" 2>/dev/null | tr -d ' ')" = 1 ]; }

# The disk with LUKS that / is on, directly or through LVM; the name under which it is open.
system_disk() { lsblk -nrspo NAME,FSTYPE "$(findmnt -nvo SOURCE /)" | awk '$2 == "crypto_LUKS" {print $1; exit}'; }
system_name() { lsblk -nrso NAME,TYPE "$(findmnt -nvo SOURCE /)" | awk '$2 == "crypt" {print $1; exit}'; }
