#!/bin/sh
# The system disk's key in the TPM 2.0.  usage: tpm recovery | enrol
#   recovery  make a recovery key, and show it once: keep it on the source
#   enrol     let the TPM open the disk for what your keys signed; again after a change of the firmware or its settings
# Both ask for a passphrase or recovery key that opens the disk ($PASSWORD, where nobody can type).
set -eu
# shellcheck source=boot-chain.sh
. "${0%/*}/boot-chain"

signature=/run/systemd/tpm2-pcr-signature.json

slots() { systemd-cryptenroll "$disk" | awk 'NR > 1 {print $2}'; }

recovery() {
    case $(slots) in *recovery*) die "there is one; to replace it: systemd-cryptenroll --wipe-slot=recovery $disk, then again" ;; esac
    systemd-cryptenroll --recovery-key "$disk"
    say "Keep it on the source, never on this machine; then: ${0%/*}/tpm enrol"
}

enrol() {
    have_keys
    case $(slots) in *recovery*) ;; *) die "first: ${0%/*}/tpm recovery. Without it the disk is lost when the TPM is" ;; esac
    if ! firmware SecureBoot; then die "Secure Boot is off; next: ${0%/*}/secure-boot enrol, then reboot"; fi
    [ -e "$efivars/StubPcrKernelImage-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f" ] ||
        die "this system was not started by one of your signed kernels; next: ${0%/*}/kernels update, then reboot"
    # systemd would try the signature now, which is for the initrd only, and refuse.
    rm -f "$signature"
    # 7: Secure Boot is on, with your keys. 11, signed: one of your kernels, and still in its initrd.
    systemd-cryptenroll --wipe-slot=tpm2 --tpm2-device=auto --tpm2-pcrs=7 \
        --tpm2-public-key="$boot/pcr.pub" --tpm2-public-key-pcrs=11 "$disk"
    # A TPM takes a power cut for an attempt to guess a password, and locks itself after a few. There is none to guess.
    tpm2_dictionarylockout --setup-parameters --max-tries=1000 --recovery-time=60 --lockout-recovery-time=60 ||
        warn "the TPM has an owner's password, so that power cuts in a row may lock it for a while"
    say "the TPM opens $disk from the next start on"
}

case ${1:-} in recovery | enrol) ;; *) usage ;; esac
need systemd-cryptenroll lsblk findmnt tpm2_dictionarylockout
disk=$(system_disk)
[ -n "$disk" ] || die "the system is not on an encrypted disk (LUKS): install it on one"
"$1"
